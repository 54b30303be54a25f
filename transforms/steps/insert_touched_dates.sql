-- The dates on which touched cases count, as the facts stand at this moment.
INSERT INTO touched_date
SELECT DISTINCT due_on, case_id FROM core_cohort_member
