DROP TABLE webhook_days;
DROP TABLE attempts;
DROP TABLE deliveries;
DROP TABLE webhooks;
DROP TABLE event_counts;
CREATE INDEX events_workspace ON events (workspace_id, seq);
DROP INDEX events_by_created_at;
DELETE FROM id_sequences WHERE name IN ('webhooks', 'deliveries');
