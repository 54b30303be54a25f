SELECT
  business_date,
  held_back_reason
FROM published_dates
WHERE is_stale
ORDER BY business_date
