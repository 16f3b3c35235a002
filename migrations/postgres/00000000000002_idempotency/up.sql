CREATE TABLE idempotency_records (
    id          bytea       NOT NULL CONSTRAINT idempotency_records_pkey PRIMARY KEY,
    fingerprint bytea       NOT NULL,
    sealed      bytea,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
-- Encrypted bytes: trying to compress them is in vain.
ALTER TABLE idempotency_records ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE INDEX idempotency_records_expires_idx ON idempotency_records (expires_at);
