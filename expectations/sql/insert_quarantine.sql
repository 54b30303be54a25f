INSERT INTO ops_quality_quarantine BY NAME
SELECT
  $run_id AS run_id,
  $table_name AS table_name,
  $rule AS rule,
  row_key,
  business_date,
  $remedy AS remedy
FROM wrong_row
ORDER BY business_date, row_key
LIMIT $most
