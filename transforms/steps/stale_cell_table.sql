CREATE OR REPLACE TEMP TABLE stale_cell AS
SELECT DISTINCT business_date, dimension, member_code
FROM ops_stale_cell
WHERE dimension <> 'nothing' AND business_date IN (SELECT business_date FROM stale_date)
UNION
SELECT DISTINCT business_date, dimension, member_code
FROM core_daily_cohort
WHERE business_date IN (SELECT business_date FROM whole_date)
