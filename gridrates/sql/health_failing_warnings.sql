-- Rules that only warn and fail, as last checked.
WITH latest AS (
  SELECT
    suite,
    table_name,
    rule,
    arg_max(severity, checked_at) AS severity,
    arg_max(is_passed, checked_at) AS is_passed
  FROM ops_quality_result
  GROUP BY ALL
)

SELECT
  suite AS subject,
  count(*)::DOUBLE AS value
FROM latest
WHERE severity = 'warning' AND NOT is_passed
GROUP BY ALL
