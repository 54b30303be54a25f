INSERT INTO ops_quality_result (
  run_id, checked_at, suite, table_name, rule, severity, is_passed, observed_value, failing_count, detail,
  meaning_zh, meaning_en
)
VALUES (
  $run_id, $checked_at, $suite, $table_name, $rule, $severity, $is_passed, $observed_value, $failing_count,
  $detail, $meaning_zh, $meaning_en
)
