CREATE SEQUENCE mcp_call_ids;

-- How many calls there are, so that a list's total costs no count: the sum over the slots, which keep callers from
-- waiting for each other.
CREATE TABLE mcp_totals (
    workspace_id bigint   NOT NULL,
    environment  text     NOT NULL,
    slot         smallint NOT NULL,
    call_count   bigint   NOT NULL,
    CONSTRAINT mcp_totals_pkey PRIMARY KEY (workspace_id, environment, slot)
);
ALTER TABLE mcp_totals SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE mcp_calls (
    id           bigint           NOT NULL CONSTRAINT mcp_calls_pkey PRIMARY KEY,
    workspace_id bigint           NOT NULL,
    environment  text             NOT NULL,
    account_id   bigint           NOT NULL,
    api_key_id   bigint,
    request_id   text             NOT NULL,
    server       text COLLATE "C" NOT NULL,
    tool         text             NOT NULL,
    arguments    text             NOT NULL,
    created_at   timestamptz      NOT NULL,
    -- What became of it; 'unknown' until it is written down.
    outcome      text             NOT NULL,
    error        text,
    size         bigint,
    duration_ms  integer,
    search_text  text             NOT NULL
);
-- Each call is written twice: its second version stays on its page.
ALTER TABLE mcp_calls SET (fillfactor = 80);
CREATE INDEX mcp_calls_created_idx ON mcp_calls (workspace_id, environment, created_at, id);
CREATE INDEX mcp_calls_id_idx ON mcp_calls (workspace_id, environment, id);
CREATE INDEX mcp_calls_server_idx ON mcp_calls (workspace_id, environment, server, created_at, id);
-- What is old, for purges.
CREATE INDEX mcp_calls_age_idx ON mcp_calls (created_at);
