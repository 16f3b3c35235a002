CREATE SEQUENCE webhook_ids;
CREATE SEQUENCE delivery_ids;

-- Events are listed by the time when they happened. The totals are kept, in several rows for each realm so that those
-- who publish at once rarely wait for one another.
CREATE INDEX events_created_idx ON events (workspace_id, environment, created_at, seq);
DROP INDEX events_workspace_idx;
CREATE TABLE event_counts (
    workspace_id bigint   NOT NULL,
    environment  text     NOT NULL,
    slot         smallint NOT NULL,
    events       bigint   NOT NULL,
    CONSTRAINT event_counts_pkey PRIMARY KEY (workspace_id, environment, slot)
) WITH (fillfactor = 50);
INSERT INTO event_counts SELECT workspace_id, environment, 0, count(*) FROM events GROUP BY workspace_id, environment;

CREATE TABLE webhooks (
    id                    bigint           NOT NULL CONSTRAINT webhooks_pkey PRIMARY KEY,
    workspace_id          bigint           NOT NULL,
    environment           text             NOT NULL,
    url                   text COLLATE "C" NOT NULL,
    description           text,
    -- A JSON array of patterns.
    subscriptions         text             NOT NULL,
    secret                bytea            NOT NULL,
    previous_secret       bytea,
    previous_secret_until timestamptz,
    -- A JSON array of pairs.
    headers               text             NOT NULL,
    rate_limit            bigint,
    -- What its rate limit has granted in the last second.
    granted               text             NOT NULL DEFAULT '',
    disabled_at           timestamptz,
    disabled_reason       text,
    success_count         bigint           NOT NULL,
    failure_count         bigint           NOT NULL,
    consecutive_failures  bigint           NOT NULL,
    failing_since         timestamptz,
    last_delivery_at      timestamptz,
    -- Its deliveries that are settled, so that a list's total costs no more than a count of those still open.
    settled_success       bigint           NOT NULL DEFAULT 0,
    settled_failed        bigint           NOT NULL DEFAULT 0,
    search_text           text             NOT NULL,
    created_at            timestamptz      NOT NULL,
    updated_at            timestamptz      NOT NULL,
    deleted_at            timestamptz,
    -- Another one whenever anything but its counts changes.
    version               bigint           NOT NULL DEFAULT 1
) WITH (fillfactor = 70);
CREATE INDEX webhooks_id_idx ON webhooks (workspace_id, environment, id);
CREATE INDEX webhooks_url_idx ON webhooks (workspace_id, environment, url, id) WHERE deleted_at IS NULL;
CREATE INDEX webhooks_created_idx ON webhooks (workspace_id, environment, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX webhooks_last_delivery_idx ON webhooks (workspace_id, environment, last_delivery_at NULLS FIRST, id)
    WHERE deleted_at IS NULL;
CREATE INDEX webhooks_success_idx ON webhooks (workspace_id, environment, success_count, id) WHERE deleted_at IS NULL;
CREATE INDEX webhooks_failure_idx ON webhooks (workspace_id, environment, failure_count, id) WHERE deleted_at IS NULL;
CREATE INDEX webhooks_deleted_idx ON webhooks (id) WHERE deleted_at IS NOT NULL;

-- An open delivery has `due_at`: when somebody should do something about it; leased, that is the lease's end. The time
-- when it was made is its event's, by which an event's deliveries are found without an index of their own.
CREATE TABLE deliveries (
    id            bigint      NOT NULL CONSTRAINT deliveries_pkey PRIMARY KEY,
    webhook_id    bigint      NOT NULL,
    workspace_id  bigint      NOT NULL,
    created_at    timestamptz NOT NULL,
    due_at        timestamptz,
    lease         bigint,
    delivered_at  timestamptz,
    next_retry_at timestamptz,
    attempt       integer     NOT NULL,
    response_code integer,
    environment   text        NOT NULL,
    kind          text        NOT NULL,
    status        text        NOT NULL,
    event_id      text        NOT NULL,
    event_type    text        NOT NULL
);
CREATE INDEX deliveries_due_idx ON deliveries (webhook_id, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_created_idx ON deliveries (webhook_id, created_at, id);
CREATE INDEX deliveries_id_idx ON deliveries (webhook_id, id);
CREATE INDEX deliveries_attempt_idx ON deliveries (webhook_id, attempt, id);
CREATE INDEX deliveries_delivered_idx ON deliveries (webhook_id, delivered_at NULLS FIRST, id);
CREATE INDEX deliveries_next_retry_idx ON deliveries (webhook_id, next_retry_at NULLS FIRST, id);
CREATE INDEX deliveries_failed_idx ON deliveries (webhook_id, created_at, id) WHERE status = 'failed';

CREATE TABLE attempts (
    delivery_id         bigint      NOT NULL,
    number              integer     NOT NULL,
    started_at          timestamptz NOT NULL,
    response_time_ms    bigint      NOT NULL,
    response_code       integer,
    retry_after_seconds bigint,
    response_headers    text,
    response_body       text,
    error               text,
    CONSTRAINT attempts_pkey PRIMARY KEY (delivery_id, number)
);

CREATE TABLE webhook_days (
    webhook_id       bigint      NOT NULL,
    day              timestamptz NOT NULL,
    successes        bigint      NOT NULL,
    failures         bigint      NOT NULL,
    response_time_ms bigint      NOT NULL,
    CONSTRAINT webhook_days_pkey PRIMARY KEY (webhook_id, day)
) WITH (fillfactor = 50);
