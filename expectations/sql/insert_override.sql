INSERT INTO ops_quality_override (
  table_name, rule, business_date, failing_count, granted_by, reason, granted_at
)
VALUES ($table_name, $rule, $business_date, $failing_count, $granted_by, $reason, $granted_at)
