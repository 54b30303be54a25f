-- Dates that have begun and whose rates are not made for the first time.
SELECT count(DISTINCT business_date)
FROM core_daily_cohort
WHERE business_date <= $as_of AND business_date NOT IN (SELECT business_date FROM whole_date WHERE is_new)
