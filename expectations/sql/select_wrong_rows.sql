-- The rows that a rule holds a date back for, by their keys; those without a date hold back everything.
SELECT table_name, rule, list(DISTINCT row_key ORDER BY row_key)[:$limit]
FROM ops_quality_quarantine
WHERE (table_name, rule) IN (SELECT (table_name, rule) FROM ops_quality_hold)
GROUP BY ALL
