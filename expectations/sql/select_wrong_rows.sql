-- The first rows of each rule that holds something back now, by their keys.
SELECT
  table_name,
  rule,
  list_slice(list(DISTINCT row_key ORDER BY row_key), 1, $limit)
FROM ops_quality_quarantine
WHERE (table_name, rule) IN (SELECT (table_name, rule) FROM ops_quality_hold)
GROUP BY ALL
