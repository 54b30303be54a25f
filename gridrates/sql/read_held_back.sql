-- Dates whose newer figures are held back, and why; of those that were never published there are no figures.
SELECT
  business_date,
  held_back_reason
FROM published_dates
WHERE is_stale AND business_date BETWEEN $first AND $last
ORDER BY business_date
