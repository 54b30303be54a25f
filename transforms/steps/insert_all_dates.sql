-- Every date anything counts on, and those that were published before and may have become empty.
INSERT INTO touched_date (business_date)
SELECT business_date FROM core_daily_cohort
UNION
SELECT business_date FROM ops_business_date
