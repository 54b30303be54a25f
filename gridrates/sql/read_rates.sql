-- Rates of nodes on dates.
SELECT rates.*
FROM daily_rates AS rates
WHERE
  rates.business_date BETWEEN $first AND $last
  AND rates.work_type = $work_type
  AND list_contains($codes, rates.code)
  AND list_contains($levels, rates.level)
ORDER BY rates.business_date
