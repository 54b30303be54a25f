INSERT INTO ops_quality_override
SELECT table_name, rule, business_date, failing_count, $granted_by, $reason, $granted_at
FROM ops_quality_hold
WHERE table_name = $table_name AND rule = $rule AND business_date IS NOT DISTINCT FROM $business_date
RETURNING failing_count
