INSERT INTO ops_pipeline_health (
  checked_at, check_name, subject, value, unit, limit_value, level, detail
)
VALUES ($checked_at, $check_name, $subject, $value, $unit, $limit_value, $level, $detail)
