CREATE TABLE IF NOT EXISTS out_daily_rates_version AS
SELECT
  *,
  CAST(NULL AS TIMESTAMPTZ) AS published_at,
  CAST(NULL AS TIMESTAMPTZ) AS superseded_at,
  CAST(NULL AS BOOLEAN) AS is_final
FROM out_daily_rates
LIMIT 0
