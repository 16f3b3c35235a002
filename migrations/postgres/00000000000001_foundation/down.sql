DROP TABLE events, api_keys, memberships, workspaces, accounts;
DROP SEQUENCE account_ids, workspace_ids, api_key_ids;
