-- Members whose counts changed, and all of the dates that have begun. A date on which touched cases count and no
-- count changed has nothing to make again, and is checked and published all the same.
INSERT INTO ops_stale_cell
SELECT business_date, dimension, member_code FROM cohort_change WHERE business_date <= $as_of
UNION
SELECT business_date, dimension, member_code
FROM core_daily_cohort
WHERE business_date > (SELECT as_of_date FROM ops_transform_state) AND business_date <= $as_of
UNION
SELECT business_date, 'nothing' AS dimension, '' AS member_code FROM touched_date WHERE business_date <= $as_of
