-- One row a call back (回访). A visit without an answer is a visit, but not a valid one.
SELECT
  case_id,
  event_id AS visit_id,
  row_number() OVER (PARTITION BY case_id ORDER BY event_order) AS visit_no,
  occurred_at AS visited_at,
  operator_id AS visited_by,
  coalesce(outcome, 'valid') AS outcome,
  coalesce(outcome, 'valid') = 'valid' AS is_valid_visit,
  satisfaction,
  CASE satisfaction
    WHEN '' THEN NULL
    {%- for word, points in profile.satisfaction_points.items() %}
    WHEN {{ word | text }} THEN {{ points }}
    {%- endfor %}
    ELSE satisfaction_score / 100
  END AS satisfaction_points,
  CASE
    WHEN satisfaction IS NOT NULL THEN satisfaction IN ({{ profile.satisfaction_strict | map('text') | join(', ') or "''" }})
    WHEN satisfaction_score IS NOT NULL THEN satisfaction_score >= {{ profile.satisfaction_passing_score }}
  END AS is_satisfied,
  is_contacted,
  resolution,
  coalesce(is_reopened, FALSE) AS is_reopened,
  {{ business_date('occurred_at') }} AS visited_on
FROM core_case_event
WHERE verb = 'visited'
