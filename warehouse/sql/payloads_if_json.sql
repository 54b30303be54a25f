CREATE OR REPLACE TEMP VIEW payloads AS
SELECT n, CASE WHEN json_valid(s) THEN s END AS s
FROM received;
