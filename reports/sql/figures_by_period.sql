SELECT
  period_start AS at,
  * EXCLUDE (period_type, period_start)
FROM period_rates
WHERE
  period_type = $kind
  AND period_start BETWEEN $first AND $last
  AND list_contains($levels, level)
  AND work_type = $work_type
