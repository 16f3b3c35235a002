CREATE SEQUENCE seo_report_ids;
CREATE SEQUENCE seo_issue_ids;

-- How many reports and issues there are, so that a list's total costs no count.
CREATE TABLE seo_totals (
    workspace_id bigint NOT NULL,
    environment  text   NOT NULL,
    report_count bigint NOT NULL DEFAULT 0,
    issue_count  bigint NOT NULL DEFAULT 0,
    CONSTRAINT seo_totals_pkey PRIMARY KEY (workspace_id, environment)
);

CREATE TABLE seo_reports (
    id              bigint           NOT NULL CONSTRAINT seo_reports_pkey PRIMARY KEY,
    workspace_id    bigint           NOT NULL,
    environment     text             NOT NULL,
    url             text COLLATE "C" NOT NULL,
    tool            text             NOT NULL,
    tool_version    text,
    performance     smallint,
    accessibility   smallint,
    best_practices  smallint,
    seo             smallint,
    extra_scores    text             NOT NULL,
    issues_count    bigint           NOT NULL,
    omitted         bigint           NOT NULL,
    new_count       bigint           NOT NULL,
    persisted_count bigint           NOT NULL,
    reopened_count  bigint           NOT NULL,
    resolved_count  bigint           NOT NULL,
    created_at      timestamptz      NOT NULL,
    search_text     text             NOT NULL
);
CREATE INDEX seo_reports_created_idx ON seo_reports (workspace_id, environment, created_at, id);
CREATE INDEX seo_reports_id_idx ON seo_reports (workspace_id, environment, id);
CREATE INDEX seo_reports_url_idx ON seo_reports (workspace_id, environment, url, id);
-- A page's scores over time.
CREATE INDEX seo_reports_history_idx ON seo_reports (workspace_id, environment, url, created_at, id);

CREATE TABLE seo_issues (
    id           bigint           NOT NULL CONSTRAINT seo_issues_pkey PRIMARY KEY,
    workspace_id bigint           NOT NULL,
    environment  text             NOT NULL,
    -- SHA-256 of url, type and element, which together may be too long for an index.
    identity     bytea            NOT NULL,
    url          text COLLATE "C" NOT NULL,
    issue_type   text             NOT NULL,
    element      text,
    severity     smallint         NOT NULL,
    details      text             NOT NULL,
    occurrences  bigint           NOT NULL,
    tool         text             NOT NULL,
    report_id    bigint           NOT NULL,
    absences     bigint           NOT NULL,
    created_at   timestamptz      NOT NULL,
    last_seen_at timestamptz      NOT NULL,
    resolved_at  timestamptz,
    updated_at   timestamptz      NOT NULL,
    search_text  text             NOT NULL
);
CREATE UNIQUE INDEX seo_issues_identity_key ON seo_issues (workspace_id, environment, identity);
CREATE INDEX seo_issues_open_idx ON seo_issues (workspace_id, environment, url, id) WHERE resolved_at IS NULL;
CREATE INDEX seo_issues_created_idx ON seo_issues (workspace_id, environment, created_at, id);
CREATE INDEX seo_issues_id_idx ON seo_issues (workspace_id, environment, id);
CREATE INDEX seo_issues_severity_idx ON seo_issues (workspace_id, environment, severity, id);
CREATE INDEX seo_issues_url_idx ON seo_issues (workspace_id, environment, url, id);
