DROP TABLE events;
DROP TABLE api_keys;
DROP TABLE memberships;
DROP TABLE workspaces;
DROP TABLE accounts;
DROP TABLE id_sequences;
