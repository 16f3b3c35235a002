-- Texts that are sorted by compare by code point, whatever the database's own collation is.

CREATE SEQUENCE account_ids;
CREATE SEQUENCE workspace_ids;
CREATE SEQUENCE api_key_ids;

CREATE TABLE accounts (
    id              bigint      NOT NULL CONSTRAINT accounts_pkey PRIMARY KEY,
    email           text        NOT NULL CONSTRAINT accounts_email_key UNIQUE,
    -- Its memberships, so that a list's total costs no count.
    workspace_count bigint      NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL
);

CREATE TABLE workspaces (
    id          bigint           NOT NULL CONSTRAINT workspaces_pkey PRIMARY KEY,
    name        text COLLATE "C" NOT NULL,
    slug        text COLLATE "C" NOT NULL,
    tier        smallint         NOT NULL,
    settings    text             NOT NULL,
    search_text text             NOT NULL,
    -- The keys bound to it that are not revoked.
    key_count   bigint           NOT NULL DEFAULT 0,
    created_at  timestamptz      NOT NULL,
    updated_at  timestamptz      NOT NULL,
    deleted_at  timestamptz
);
CREATE UNIQUE INDEX workspaces_slug_key ON workspaces (slug) WHERE deleted_at IS NULL;
CREATE INDEX workspaces_deleted_idx ON workspaces (deleted_at, id) WHERE deleted_at IS NOT NULL;

-- It holds copies of what an account's workspaces are sorted and filtered by, so that every order has an index that
-- begins with the account. A deleted workspace has no members.
CREATE TABLE memberships (
    account_id   bigint           NOT NULL REFERENCES accounts,
    workspace_id bigint           NOT NULL REFERENCES workspaces,
    role         text             NOT NULL,
    name         text COLLATE "C" NOT NULL,
    slug         text COLLATE "C" NOT NULL,
    tier         smallint         NOT NULL,
    search_text  text             NOT NULL,
    created_at   timestamptz      NOT NULL,
    updated_at   timestamptz      NOT NULL,
    CONSTRAINT memberships_pkey PRIMARY KEY (account_id, workspace_id)
);
CREATE INDEX memberships_name_idx ON memberships (account_id, name, workspace_id);
CREATE INDEX memberships_slug_idx ON memberships (account_id, slug, workspace_id);
CREATE INDEX memberships_tier_idx ON memberships (account_id, tier, workspace_id);
CREATE INDEX memberships_created_idx ON memberships (account_id, created_at, workspace_id);
CREATE INDEX memberships_updated_idx ON memberships (account_id, updated_at, workspace_id);
CREATE INDEX memberships_workspace_idx ON memberships (workspace_id, account_id);

-- The workspace is no foreign key: checking one when a workspace is purged would take an index on all its keys, which
-- the partial ones below make superfluous.
CREATE TABLE api_keys (
    id                   bigint           NOT NULL CONSTRAINT api_keys_pkey PRIMARY KEY,
    lineage_id           bigint           NOT NULL,
    account_id           bigint           NOT NULL REFERENCES accounts,
    workspace_id         bigint,
    name                 text COLLATE "C" NOT NULL,
    prefix               text             NOT NULL,
    digest               bytea            NOT NULL CONSTRAINT api_keys_digest_key UNIQUE,
    pepper_version       integer          NOT NULL,
    environment          text             NOT NULL,
    scopes               text             NOT NULL,
    rate_limit_tier      smallint,
    allowed_ips          text,
    mcp_servers          text,
    expires_at           timestamptz,
    grace_period_ends_at timestamptz,
    revoked_at           timestamptz,
    rotated_from_id      bigint,
    last_used_at         timestamptz,
    search_text          text             NOT NULL,
    created_at           timestamptz      NOT NULL,
    updated_at           timestamptz      NOT NULL
);
CREATE INDEX api_keys_created_idx ON api_keys (workspace_id, created_at, id) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_id_idx ON api_keys (workspace_id, id) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_name_idx ON api_keys (workspace_id, name, id) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_last_used_idx ON api_keys (workspace_id, last_used_at NULLS FIRST, id) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_expires_idx ON api_keys (workspace_id, expires_at NULLS FIRST, id) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_revoked_idx ON api_keys (workspace_id, created_at, id) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_keys_account_idx ON api_keys (account_id);

CREATE TABLE events (
    seq          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY CONSTRAINT events_pkey PRIMARY KEY,
    id           text        NOT NULL CONSTRAINT events_id_key UNIQUE,
    workspace_id bigint      NOT NULL,
    environment  text        NOT NULL,
    type         text        NOT NULL,
    data         text        NOT NULL,
    created_at   timestamptz NOT NULL
);
CREATE INDEX events_workspace_idx ON events (workspace_id, seq);
