INSERT INTO ops_quality_hold (
  suite, table_name, rule, business_date, failing_count, remedy, run_id, held_at, is_released
)
VALUES (
  $suite, $table_name, $rule, $business_date, $failing_count, $remedy, $run_id, $held_at, $is_released
)
