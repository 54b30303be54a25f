SELECT table_name, rule, business_date, max(failing_count) FROM ops_quality_override GROUP BY ALL
