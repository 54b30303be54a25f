-- What no longer stands: rows that changed or are gone.
UPDATE out_daily_rates_version AS old
SET superseded_at = $now
FROM (SELECT DISTINCT /*grain*/ FROM release_change) AS change
WHERE old.superseded_at IS NULL AND /*same grain*/
