-- With rowids, since an answer can be larger than a page.
CREATE TABLE idempotency_records (
    id BLOB NOT NULL PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    sealed BLOB,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX idempotency_records_expires_at ON idempotency_records (expires_at);
