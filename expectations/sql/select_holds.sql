SELECT suite, table_name, rule, business_date, failing_count, remedy, run_id, held_at, is_released
FROM ops_quality_hold
ORDER BY business_date, table_name, rule
