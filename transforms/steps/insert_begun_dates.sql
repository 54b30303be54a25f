-- Dates that have begun since the last fold, on which something falls due without any event.
INSERT INTO touched_date (business_date)
SELECT DISTINCT business_date
FROM core_daily_cohort
WHERE business_date > (SELECT as_of_date FROM ops_transform_state) AND business_date <= $as_of
