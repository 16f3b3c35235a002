INSERT INTO id_sequences (name, last) VALUES ('entitlement_reservations', 0);

-- One row for each workspace, environment, feature and period. What never begins anew has the year 1 as its period.
CREATE TABLE entitlement_counters (
    workspace_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    feature TEXT NOT NULL,
    period_start INTEGER NOT NULL,
    used INTEGER NOT NULL CHECK (used >= 0),
    -- Which events of the period were sent: 0 none, 1 the warning, 2 both.
    announced INTEGER NOT NULL,
    -- How many rows of entitlement_usage count here, so that a list's total costs no count.
    records INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, environment, feature, period_start)
) STRICT, WITHOUT ROWID;

CREATE TABLE entitlement_usage (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    feature TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    metadata TEXT,
    reservation_id INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX entitlement_usage_by_created_at ON entitlement_usage (workspace_id, environment, created_at, id);
CREATE INDEX entitlement_usage_by_feature ON entitlement_usage (workspace_id, environment, feature, created_at, id);

-- The sums of each day, for charts.
CREATE TABLE entitlement_days (
    workspace_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    day INTEGER NOT NULL,
    feature TEXT NOT NULL,
    used INTEGER NOT NULL,
    freed INTEGER NOT NULL,
    records INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, environment, day, feature)
) STRICT, WITHOUT ROWID;

CREATE TABLE entitlement_reservations (
    id INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    feature TEXT NOT NULL,
    period_start INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    metadata TEXT,
    -- The quantity confirmed; null when it was released, or is not settled.
    confirmed INTEGER,
    settled_at INTEGER,
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- What a counter's reservations hold is the sum of those that are not settled and not past.
CREATE INDEX entitlement_reservations_held
    ON entitlement_reservations (workspace_id, environment, feature, period_start, expires_at, quantity)
    WHERE settled_at IS NULL;
CREATE INDEX entitlement_reservations_expires_at ON entitlement_reservations (expires_at);
CREATE INDEX entitlement_reservations_workspace ON entitlement_reservations (workspace_id);

CREATE TABLE entitlement_overrides (
    workspace_id INTEGER NOT NULL,
    feature TEXT NOT NULL,
    -- Null: without limit.
    extra INTEGER,
    ends_at INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, feature)
) STRICT, WITHOUT ROWID;

-- The keys that there are: those not revoked, a key and what it was rotated into as one.
INSERT INTO entitlement_counters (workspace_id, environment, feature, period_start, used, announced, records)
SELECT workspace_id, environment, 'api_keys', -62135596800000000, count(*), 0, 0
FROM api_keys
WHERE workspace_id IS NOT NULL AND revoked_at IS NULL AND grace_period_ends_at IS NULL
GROUP BY workspace_id, environment;
