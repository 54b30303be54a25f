-- Dates that have begun since the last fold, on which something falls due without any event.
INSERT INTO touched_date (business_date)
SELECT DISTINCT due_on
FROM core_cohort_member
WHERE due_on > (SELECT as_of_date FROM ops_transform_state) AND due_on <= $as_of
