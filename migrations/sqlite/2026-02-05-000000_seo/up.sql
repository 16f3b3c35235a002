INSERT INTO id_sequences (name, last) VALUES ('seo_reports', 0), ('seo_issues', 0);

-- How many reports and issues there are, so that no list has to count them.
CREATE TABLE seo_totals (
    workspace_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    report_count INTEGER NOT NULL DEFAULT 0 CHECK (report_count >= 0),
    issue_count INTEGER NOT NULL DEFAULT 0 CHECK (issue_count >= 0),
    PRIMARY KEY (workspace_id, environment)
) STRICT, WITHOUT ROWID;

CREATE TABLE seo_reports (
    id INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    url TEXT NOT NULL,
    tool TEXT NOT NULL,
    tool_version TEXT,
    performance INTEGER,
    accessibility INTEGER,
    best_practices INTEGER,
    seo INTEGER,
    extra_scores TEXT NOT NULL,
    issues_count INTEGER NOT NULL,
    omitted INTEGER NOT NULL,
    new_count INTEGER NOT NULL,
    persisted_count INTEGER NOT NULL,
    reopened_count INTEGER NOT NULL,
    resolved_count INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    search_text TEXT NOT NULL
) STRICT;

CREATE INDEX seo_reports_by_created_at ON seo_reports (workspace_id, environment, created_at, id);
CREATE INDEX seo_reports_by_id ON seo_reports (workspace_id, environment, id);
CREATE INDEX seo_reports_by_url ON seo_reports (workspace_id, environment, url, id);
-- A page's scores over time.
CREATE INDEX seo_reports_of_url ON seo_reports (workspace_id, environment, url, created_at, id);

CREATE TABLE seo_issues (
    id INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    -- SHA-256 of url, type and element.
    identity BLOB NOT NULL,
    url TEXT NOT NULL,
    issue_type TEXT NOT NULL,
    element TEXT,
    severity INTEGER NOT NULL,
    details TEXT NOT NULL,
    occurrences INTEGER NOT NULL,
    tool TEXT NOT NULL,
    report_id INTEGER NOT NULL,
    absences INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    resolved_at INTEGER,
    updated_at INTEGER NOT NULL,
    search_text TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX seo_issues_identity ON seo_issues (workspace_id, environment, identity);
CREATE INDEX seo_issues_open ON seo_issues (workspace_id, environment, url, id) WHERE resolved_at IS NULL;
CREATE INDEX seo_issues_by_created_at ON seo_issues (workspace_id, environment, created_at, id);
CREATE INDEX seo_issues_by_id ON seo_issues (workspace_id, environment, id);
CREATE INDEX seo_issues_by_severity ON seo_issues (workspace_id, environment, severity, id);
CREATE INDEX seo_issues_by_url ON seo_issues (workspace_id, environment, url, id);
