-- Rates of nodes on dates; a date whose newer figures are held back is stale.
SELECT
  rates.*,
  coalesce(dates.is_stale, false) AS is_stale,
  dates.held_back_reason
FROM daily_rates AS rates
LEFT JOIN published_dates AS dates ON rates.business_date = dates.business_date
WHERE
  rates.business_date BETWEEN $first AND $last
  AND rates.work_type = $work_type
  AND list_contains($codes, rates.code)
  AND list_contains($levels, rates.level)
ORDER BY rates.business_date
