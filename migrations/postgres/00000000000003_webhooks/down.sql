DROP TABLE webhook_days, attempts, deliveries, webhooks, event_counts;
CREATE INDEX events_workspace_idx ON events (workspace_id, seq);
DROP INDEX events_created_idx;
DROP SEQUENCE webhook_ids, delivery_ids;
