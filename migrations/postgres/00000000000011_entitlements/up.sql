CREATE SEQUENCE entitlement_reservation_ids;

-- One row for each workspace, environment, feature and period. What never begins anew has the year 1 as its period.
CREATE TABLE entitlement_counters (
    workspace_id bigint           NOT NULL,
    environment  text             NOT NULL,
    feature      text COLLATE "C" NOT NULL,
    period_start timestamptz      NOT NULL,
    used         bigint           NOT NULL CHECK (used >= 0),
    -- Which events of the period were sent: 0 none, 1 the warning, 2 both.
    announced    smallint         NOT NULL,
    -- How many rows of entitlement_usage count here, so that a list's total costs no count.
    records      bigint           NOT NULL,
    CONSTRAINT entitlement_counters_pkey PRIMARY KEY (workspace_id, environment, feature, period_start)
);
-- A hot row is written many times a second: its new versions stay on its page, and what is dead is cleared early.
ALTER TABLE entitlement_counters SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE entitlement_usage (
    id             bigint           NOT NULL GENERATED ALWAYS AS IDENTITY CONSTRAINT entitlement_usage_pkey PRIMARY KEY,
    workspace_id   bigint           NOT NULL,
    environment    text             NOT NULL,
    feature        text COLLATE "C" NOT NULL,
    quantity       bigint           NOT NULL,
    balance        bigint           NOT NULL,
    metadata       text,
    reservation_id bigint,
    created_at     timestamptz      NOT NULL
);
CREATE INDEX entitlement_usage_created_idx ON entitlement_usage (workspace_id, environment, created_at, id);
CREATE INDEX entitlement_usage_feature_created_idx
    ON entitlement_usage (workspace_id, environment, feature, created_at, id);

-- The sums of each day, for charts.
CREATE TABLE entitlement_days (
    workspace_id bigint           NOT NULL,
    environment  text             NOT NULL,
    day          timestamptz      NOT NULL,
    feature      text COLLATE "C" NOT NULL,
    used         bigint           NOT NULL,
    freed        bigint           NOT NULL,
    records      bigint           NOT NULL,
    balance      bigint           NOT NULL,
    CONSTRAINT entitlement_days_pkey PRIMARY KEY (workspace_id, environment, day, feature)
);
ALTER TABLE entitlement_days SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE entitlement_reservations (
    id           bigint           NOT NULL CONSTRAINT entitlement_reservations_pkey PRIMARY KEY,
    workspace_id bigint           NOT NULL,
    environment  text             NOT NULL,
    feature      text COLLATE "C" NOT NULL,
    period_start timestamptz      NOT NULL,
    quantity     bigint           NOT NULL,
    metadata     text,
    -- The quantity confirmed; null when it was released, or is not settled.
    confirmed    bigint,
    settled_at   timestamptz,
    expires_at   timestamptz      NOT NULL,
    created_at   timestamptz      NOT NULL
);
-- What a counter's reservations hold is the sum of those that are not settled and not past.
CREATE INDEX entitlement_reservations_held_idx
    ON entitlement_reservations (workspace_id, environment, feature, period_start, expires_at) INCLUDE (quantity)
    WHERE settled_at IS NULL;
CREATE INDEX entitlement_reservations_expires_idx ON entitlement_reservations (expires_at);
CREATE INDEX entitlement_reservations_workspace_idx ON entitlement_reservations (workspace_id);

CREATE TABLE entitlement_overrides (
    workspace_id bigint           NOT NULL,
    feature      text COLLATE "C" NOT NULL,
    -- Null: without limit.
    extra        bigint,
    ends_at      timestamptz,
    created_at   timestamptz      NOT NULL,
    CONSTRAINT entitlement_overrides_pkey PRIMARY KEY (workspace_id, feature)
);

-- The keys that there are: those not revoked, a key and what it was rotated into as one.
INSERT INTO entitlement_counters (workspace_id, environment, feature, period_start, used, announced, records)
SELECT workspace_id, environment, 'api_keys', '0001-01-01T00:00:00Z', count(*), 0, 0
FROM api_keys
WHERE workspace_id IS NOT NULL AND revoked_at IS NULL AND grace_period_ends_at IS NULL
GROUP BY workspace_id, environment;
