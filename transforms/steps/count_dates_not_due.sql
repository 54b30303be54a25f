SELECT count(DISTINCT business_date)
FROM core_daily_cohort
WHERE business_date <= $as_of AND business_date NOT IN (SELECT business_date FROM whole_date)
