INSERT INTO id_sequences (name, last) VALUES ('pixel_sites', 0);

CREATE TABLE pixel_sites (
    id INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    domain TEXT NOT NULL,
    subdomains INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    pageviews INTEGER NOT NULL,
    events INTEGER NOT NULL,
    sessions INTEGER NOT NULL,
    -- In millionths.
    sample_rate INTEGER NOT NULL,
    honours_gpc INTEGER NOT NULL,
    honours_dnt INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- What was counted of a removed site goes some time later, and the row with it.
    deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX pixel_sites_domain ON pixel_sites (domain) WHERE deleted_at IS NULL;
CREATE INDEX pixel_sites_by_id ON pixel_sites (workspace_id, environment, id) WHERE deleted_at IS NULL;
CREATE INDEX pixel_sites_by_created_at ON pixel_sites (workspace_id, environment, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX pixel_sites_by_domain ON pixel_sites (workspace_id, environment, domain, id) WHERE deleted_at IS NULL;
CREATE INDEX pixel_sites_deleted ON pixel_sites (deleted_at) WHERE deleted_at IS NOT NULL;

-- The key of a day's visitors; destroyed with its day.
CREATE TABLE pixel_salts (
    day INTEGER PRIMARY KEY,
    salt BLOB NOT NULL
) STRICT;

CREATE TABLE pixel_events (
    at INTEGER NOT NULL,
    site_id INTEGER NOT NULL,
    visitor TEXT NOT NULL,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    path TEXT NOT NULL,
    referrer TEXT,
    utm_source TEXT,
    utm_medium TEXT,
    utm_campaign TEXT,
    utm_term TEXT,
    utm_content TEXT,
    properties TEXT
) STRICT;
CREATE INDEX pixel_events_at ON pixel_events (at);

-- Who was seen on a day, and when last. A visitor is another one on the next day.
CREATE TABLE pixel_visitors (
    day INTEGER NOT NULL,
    site_id INTEGER NOT NULL,
    visitor TEXT NOT NULL,
    last_seen_at INTEGER NOT NULL,
    PRIMARY KEY (day, site_id, visitor)
) STRICT, WITHOUT ROWID;

CREATE TABLE pixel_hours (
    site_id INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    visitors INTEGER NOT NULL,
    new_visitors INTEGER NOT NULL,
    sessions INTEGER NOT NULL,
    pageviews INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (site_id, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX pixel_hours_by_hour ON pixel_hours (hour);

CREATE TABLE pixel_names (
    site_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    -- 0 page, 1 referrer, 2 event, 3 source, 4 campaign, 5 dropped.
    dimension INTEGER NOT NULL,
    name TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (site_id, day, dimension, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX pixel_names_by_day ON pixel_names (day);

-- How many names of a kind a site has on a day: it is bounded.
CREATE TABLE pixel_name_counts (
    site_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    dimension INTEGER NOT NULL,
    names INTEGER NOT NULL,
    PRIMARY KEY (site_id, day, dimension)
) STRICT, WITHOUT ROWID;
CREATE INDEX pixel_name_counts_by_day ON pixel_name_counts (day);
