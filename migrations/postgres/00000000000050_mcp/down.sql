DROP TABLE mcp_calls;
DROP TABLE mcp_totals;
DROP SEQUENCE mcp_call_ids;
