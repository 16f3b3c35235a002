CREATE SEQUENCE pixel_site_ids;

CREATE TABLE pixel_sites (
    id           bigint           NOT NULL CONSTRAINT pixel_sites_pkey PRIMARY KEY,
    workspace_id bigint           NOT NULL,
    environment  text             NOT NULL,
    domain       text COLLATE "C" NOT NULL,
    subdomains   boolean          NOT NULL,
    enabled      boolean          NOT NULL,
    pageviews    boolean          NOT NULL,
    events       boolean          NOT NULL,
    sessions     boolean          NOT NULL,
    -- In millionths.
    sample_rate  integer          NOT NULL,
    honours_gpc  boolean          NOT NULL,
    honours_dnt  boolean          NOT NULL,
    created_at   timestamptz      NOT NULL,
    updated_at   timestamptz      NOT NULL,
    -- What was counted of a removed site goes some time later, and the row with it.
    deleted_at   timestamptz
);
CREATE UNIQUE INDEX pixel_sites_domain_key ON pixel_sites (domain) WHERE deleted_at IS NULL;
CREATE INDEX pixel_sites_id_idx ON pixel_sites (workspace_id, environment, id) WHERE deleted_at IS NULL;
CREATE INDEX pixel_sites_created_idx ON pixel_sites (workspace_id, environment, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX pixel_sites_list_domain_idx ON pixel_sites (workspace_id, environment, domain, id) WHERE deleted_at IS NULL;
CREATE INDEX pixel_sites_deleted_idx ON pixel_sites (deleted_at) WHERE deleted_at IS NOT NULL;

-- The key of a day's visitors; destroyed with its day.
CREATE TABLE pixel_salts (
    day  timestamptz NOT NULL CONSTRAINT pixel_salts_pkey PRIMARY KEY,
    salt bytea       NOT NULL
);

-- What arrived, day by day: a day goes by dropping its partition. No index: nothing that is asked often reads it.
CREATE TABLE pixel_events (
    at           timestamptz NOT NULL,
    site_id      bigint      NOT NULL,
    visitor      bytea       NOT NULL,
    name         text        NOT NULL,
    host         text        NOT NULL,
    path         text        NOT NULL,
    referrer     text,
    utm_source   text,
    utm_medium   text,
    utm_campaign text,
    utm_term     text,
    utm_content  text,
    properties   text
) PARTITION BY RANGE (at);
-- For days that nothing was prepared for.
CREATE TABLE pixel_events_default PARTITION OF pixel_events DEFAULT;

-- Who was seen on a day, and when last. A visitor is another one on the next day.
CREATE TABLE pixel_visitors (
    day          timestamptz NOT NULL,
    site_id      bigint      NOT NULL,
    visitor      bytea       NOT NULL,
    last_seen_at timestamptz NOT NULL,
    CONSTRAINT pixel_visitors_pkey PRIMARY KEY (day, site_id, visitor)
) PARTITION BY RANGE (day);
CREATE TABLE pixel_visitors_default PARTITION OF pixel_visitors DEFAULT;

CREATE TABLE pixel_hours (
    site_id      bigint      NOT NULL,
    hour         timestamptz NOT NULL,
    visitors     bigint      NOT NULL,
    new_visitors bigint      NOT NULL,
    sessions     bigint      NOT NULL,
    pageviews    bigint      NOT NULL,
    events       bigint      NOT NULL,
    CONSTRAINT pixel_hours_pkey PRIMARY KEY (site_id, hour)
);
-- A hot row is written many times a second: its new versions stay on its page, and what is dead is cleared early.
ALTER TABLE pixel_hours SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX pixel_hours_hour_idx ON pixel_hours (hour);

CREATE TABLE pixel_names (
    site_id   bigint           NOT NULL,
    day       timestamptz      NOT NULL,
    -- 0 page, 1 referrer, 2 event, 3 source, 4 campaign, 5 dropped.
    dimension smallint         NOT NULL,
    name      text COLLATE "C" NOT NULL,
    count     bigint           NOT NULL,
    CONSTRAINT pixel_names_pkey PRIMARY KEY (site_id, day, dimension, name)
);
ALTER TABLE pixel_names SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX pixel_names_day_idx ON pixel_names (day);

-- How many names of a kind a site has on a day: it is bounded.
CREATE TABLE pixel_name_counts (
    site_id   bigint      NOT NULL,
    day       timestamptz NOT NULL,
    dimension smallint    NOT NULL,
    names     integer     NOT NULL,
    CONSTRAINT pixel_name_counts_pkey PRIMARY KEY (site_id, day, dimension)
);
CREATE INDEX pixel_name_counts_day_idx ON pixel_name_counts (day);
