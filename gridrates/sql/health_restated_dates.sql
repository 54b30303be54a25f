-- Dates whose published figures changed within a day.
SELECT
  'all' AS subject,
  count(DISTINCT business_date)::DOUBLE AS value
FROM out_restatement
WHERE restated_at > $now::TIMESTAMPTZ - INTERVAL 1 DAY
