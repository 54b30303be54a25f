SELECT cohort, thing_id, due_on, done_on, is_on_time
FROM core_cohort_member
WHERE case_id = $case_id
ORDER BY due_on, cohort, thing_id
