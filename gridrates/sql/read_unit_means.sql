-- Empty unless the profile assesses the whole by the mean of its units.
SELECT
  period_start AS business_date,
  indicator,
  rate_sum,
  unit_count,
  mean_rate
FROM unit_means
WHERE
  period_type = 'day'
  AND period_start BETWEEN $first AND $last
  AND work_type = $work_type
  AND EXISTS (SELECT 1 FROM conventions WHERE switch = 'aggregation' AND choice = 'mean_of_units')
ORDER BY period_start
