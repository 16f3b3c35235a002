INSERT INTO id_sequences (name, last) VALUES ('mcp_calls', 0);

-- How many calls there are, so that no list has to count them.
CREATE TABLE mcp_totals (
    workspace_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    call_count INTEGER NOT NULL CHECK (call_count >= 0),
    PRIMARY KEY (workspace_id, environment)
) STRICT, WITHOUT ROWID;

CREATE TABLE mcp_calls (
    id INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    account_id INTEGER NOT NULL,
    api_key_id INTEGER,
    request_id TEXT NOT NULL,
    server TEXT NOT NULL,
    tool TEXT NOT NULL,
    arguments TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- What became of it; 'unknown' until it is written down.
    outcome TEXT NOT NULL,
    error TEXT,
    size INTEGER,
    duration_ms INTEGER,
    search_text TEXT NOT NULL
) STRICT;

CREATE INDEX mcp_calls_by_created_at ON mcp_calls (workspace_id, environment, created_at, id);
CREATE INDEX mcp_calls_by_id ON mcp_calls (workspace_id, environment, id);
CREATE INDEX mcp_calls_by_server ON mcp_calls (workspace_id, environment, server, created_at, id);
-- What is old, for purges.
CREATE INDEX mcp_calls_by_age ON mcp_calls (created_at);
