-- Events of the cases checked whose text holds personal data, once for each date their case counts on.
WITH said AS (
  SELECT case_id, event_id, {{ words }} AS words
  FROM core_case_event
  SEMI JOIN core_case USING (case_id)
)

SELECT DISTINCT
  said.case_id,
  said.event_id,
  array_to_string(personal_data_in(said.words), ', ') AS kinds,
  member.due_on
FROM said
LEFT JOIN core_cohort_member AS member ON said.case_id = member.case_id
WHERE CASE WHEN may_be_personal(said.words) THEN len(personal_data_in(said.words)) > 0 ELSE FALSE END
