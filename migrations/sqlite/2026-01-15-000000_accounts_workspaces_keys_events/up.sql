-- Times are microseconds since 1970-01-01T00:00:00Z; tiers are their ranks.

CREATE TABLE id_sequences (
    name TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO id_sequences (name, last) VALUES ('accounts', 0), ('workspaces', 0), ('api_keys', 0);

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    -- How many live workspaces the account is a member of, so that no list has to count them.
    workspace_count INTEGER NOT NULL DEFAULT 0 CHECK (workspace_count >= 0),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE workspaces (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    tier INTEGER NOT NULL,
    settings TEXT NOT NULL,
    search_text TEXT NOT NULL,
    -- How many keys are bound to the workspace and not revoked, so that no list has to count them.
    key_count INTEGER NOT NULL DEFAULT 0 CHECK (key_count >= 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;

CREATE UNIQUE INDEX workspaces_slug ON workspaces (slug) WHERE deleted_at IS NULL;
CREATE INDEX workspaces_deleted_at ON workspaces (deleted_at) WHERE deleted_at IS NOT NULL;

-- Copies of the workspace's own columns, so that every order of an account's workspaces has an index that begins
-- with the account.
CREATE TABLE memberships (
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    tier INTEGER NOT NULL,
    search_text TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, workspace_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX memberships_workspace ON memberships (workspace_id);
CREATE INDEX memberships_by_name ON memberships (account_id, name, workspace_id);
CREATE INDEX memberships_by_slug ON memberships (account_id, slug, workspace_id);
CREATE INDEX memberships_by_tier ON memberships (account_id, tier, workspace_id);
CREATE INDEX memberships_by_created_at ON memberships (account_id, created_at, workspace_id);
CREATE INDEX memberships_by_updated_at ON memberships (account_id, updated_at, workspace_id);

-- No foreign key on workspace_id: with it, purging a workspace would search this whole table for its keys, since the
-- indexes that begin with the workspace are partial.
CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY,
    lineage_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    workspace_id INTEGER,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    pepper_version INTEGER NOT NULL,
    environment TEXT NOT NULL,
    scopes TEXT NOT NULL,
    rate_limit_tier INTEGER,
    allowed_ips TEXT,
    mcp_servers TEXT,
    expires_at INTEGER,
    grace_period_ends_at INTEGER,
    revoked_at INTEGER,
    rotated_from_id INTEGER,
    last_used_at INTEGER,
    search_text TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX api_keys_by_created_at ON api_keys (workspace_id, created_at, id) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_by_id ON api_keys (workspace_id, id) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_by_name ON api_keys (workspace_id, name, id) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_by_last_used_at ON api_keys (workspace_id, last_used_at, id) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_by_expires_at ON api_keys (workspace_id, expires_at, id) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_revoked ON api_keys (workspace_id, created_at, id) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_keys_account ON api_keys (account_id);

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id),
    environment TEXT NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX events_workspace ON events (workspace_id, seq);
