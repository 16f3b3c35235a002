DROP TABLE mcp_calls;
DROP TABLE mcp_totals;
DELETE FROM id_sequences WHERE name = 'mcp_calls';
