-- Critical rules that keep everything from being published.
SELECT
  suite AS subject,
  count(*)::DOUBLE AS value
FROM ops_quality_hold
WHERE business_date IS NULL AND NOT is_released
GROUP BY ALL
