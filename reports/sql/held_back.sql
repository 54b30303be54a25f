SELECT
  business_date,
  generation,
  held_back_reason
FROM published_dates
WHERE is_stale AND business_date BETWEEN $first AND $last
ORDER BY business_date
