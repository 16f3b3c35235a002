INSERT INTO id_sequences (name, last) VALUES ('webhooks', 0), ('deliveries', 0);

-- Events are listed by the time when they happened, and their totals are kept.
CREATE INDEX events_by_created_at ON events (workspace_id, environment, created_at, seq);
DROP INDEX events_workspace;
CREATE TABLE event_counts (
    workspace_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, environment)
) STRICT, WITHOUT ROWID;
INSERT INTO event_counts SELECT workspace_id, environment, count(*) FROM events GROUP BY workspace_id, environment;

CREATE TABLE webhooks (
    id INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    url TEXT NOT NULL,
    description TEXT,
    -- A JSON array of patterns.
    subscriptions TEXT NOT NULL,
    secret BLOB NOT NULL,
    previous_secret BLOB,
    previous_secret_until INTEGER,
    -- A JSON array of pairs.
    headers TEXT NOT NULL,
    rate_limit INTEGER,
    -- What its rate limit has granted in the last second.
    granted TEXT NOT NULL DEFAULT '',
    disabled_at INTEGER,
    disabled_reason TEXT,
    success_count INTEGER NOT NULL,
    failure_count INTEGER NOT NULL,
    consecutive_failures INTEGER NOT NULL,
    failing_since INTEGER,
    last_delivery_at INTEGER,
    -- Its deliveries that are settled, so that a list's total costs no more than a count of those still open.
    settled_success INTEGER NOT NULL DEFAULT 0,
    settled_failed INTEGER NOT NULL DEFAULT 0,
    search_text TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;

CREATE INDEX webhooks_by_id ON webhooks (workspace_id, environment, id);
CREATE INDEX webhooks_by_url ON webhooks (workspace_id, environment, url, id) WHERE deleted_at IS NULL;
CREATE INDEX webhooks_by_created_at ON webhooks (workspace_id, environment, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX webhooks_by_last_delivery_at ON webhooks (workspace_id, environment, last_delivery_at, id)
    WHERE deleted_at IS NULL;
CREATE INDEX webhooks_by_success_count ON webhooks (workspace_id, environment, success_count, id)
    WHERE deleted_at IS NULL;
CREATE INDEX webhooks_by_failure_count ON webhooks (workspace_id, environment, failure_count, id)
    WHERE deleted_at IS NULL;
CREATE INDEX webhooks_deleted ON webhooks (id) WHERE deleted_at IS NOT NULL;

-- An open delivery has `due_at`: when somebody should do something about it; leased, that is the lease's end. The time
-- when it was made is its event's, by which an event's deliveries are found without an index of their own.
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    webhook_id INTEGER NOT NULL,
    workspace_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    response_code INTEGER,
    delivered_at INTEGER,
    next_retry_at INTEGER,
    due_at INTEGER,
    lease INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX deliveries_due ON deliveries (webhook_id, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_by_created_at ON deliveries (webhook_id, created_at, id);
CREATE INDEX deliveries_by_id ON deliveries (webhook_id, id);
CREATE INDEX deliveries_by_attempt ON deliveries (webhook_id, attempt, id);
CREATE INDEX deliveries_by_delivered_at ON deliveries (webhook_id, delivered_at, id);
CREATE INDEX deliveries_by_next_retry_at ON deliveries (webhook_id, next_retry_at, id);
CREATE INDEX deliveries_failed ON deliveries (webhook_id, created_at, id) WHERE status = 'failed';

CREATE TABLE attempts (
    delivery_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    response_time_ms INTEGER NOT NULL,
    response_code INTEGER,
    response_headers TEXT,
    response_body TEXT,
    error TEXT,
    retry_after_seconds INTEGER,
    PRIMARY KEY (delivery_id, number)
) STRICT;

CREATE TABLE webhook_days (
    webhook_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    successes INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    response_time_ms INTEGER NOT NULL,
    PRIMARY KEY (webhook_id, day)
) STRICT, WITHOUT ROWID;
