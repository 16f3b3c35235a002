DROP TABLE entitlement_overrides;
DROP TABLE entitlement_reservations;
DROP TABLE entitlement_days;
DROP TABLE entitlement_usage;
DROP TABLE entitlement_counters;
DELETE FROM id_sequences WHERE name = 'entitlement_reservations';
