-- What stands from now on.
INSERT INTO out_daily_rates_version BY NAME
SELECT new.*, $now AS published_at, CAST(NULL AS TIMESTAMPTZ) AS superseded_at, new.business_date < $as_of_date AS is_final
FROM out_daily_rates AS new
INNER JOIN (SELECT DISTINCT /*grain*/ FROM release_change) AS change ON /*same grain new*/
