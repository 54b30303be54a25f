-- The counts to be added to the daily rates.
CREATE OR REPLACE TEMP TABLE daily_change AS
SELECT pending.*
FROM ops_pending_cell AS pending
INNER JOIN stale_date ON pending.business_date = stale_date.business_date
WHERE pending.dimension IS NOT NULL AND pending.business_date NOT IN (SELECT business_date FROM whole_date)
UNION ALL BY NAME
SELECT * FROM core_daily_cohort WHERE business_date IN (SELECT business_date FROM whole_date)
