-- Rows that stand unchanged while their date ended are final from now on.
UPDATE out_daily_rates_version
SET is_final = TRUE
WHERE superseded_at IS NULL
  AND NOT is_final
  AND business_date < $as_of_date
  AND business_date IN (SELECT business_date FROM release_date)
