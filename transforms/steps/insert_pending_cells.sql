-- What changed on dates whose rates were made, and all of the dates that have begun since.
INSERT INTO ops_pending_cell BY NAME
SELECT * FROM cohort_change WHERE business_date <= (SELECT as_of_date FROM ops_transform_state)
UNION ALL BY NAME
SELECT *
FROM core_daily_cohort
WHERE business_date > (SELECT as_of_date FROM ops_transform_state) AND business_date <= $as_of
