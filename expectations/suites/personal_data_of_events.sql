-- Events of the cases checked whose text holds personal data, once for each date their case counts on.
WITH said AS (
  SELECT case_id, event_id, {{ words }} AS words
  FROM core_case_event
  SEMI JOIN core_case USING (case_id)
),

searched AS (
  SELECT
    case_id,
    event_id,
    CASE WHEN may_be_personal(words) THEN personal_data_in(words) END AS kinds_found
  FROM said
)

SELECT DISTINCT
  searched.case_id,
  searched.event_id,
  array_to_string(searched.kinds_found, ', ') AS kinds,
  member.due_on
FROM searched
LEFT JOIN core_cohort_member AS member ON searched.case_id = member.case_id
WHERE len(searched.kinds_found) > 0
