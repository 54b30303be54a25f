-- Things of the denominator's cohort on the date and place, and whether the numerator counts them.
WITH placed AS (
  SELECT member.*
  FROM core_cohort_member AS member
  INNER JOIN grid_paths AS place ON member.grid_path_id = place.path_id
  LEFT JOIN work_types ON member.work_type = work_types.work_type
  WHERE member.due_on = $day
    AND place.code = $place
    AND (member.work_type = $work_type OR ($work_type = 'all' AND coalesce(work_types.is_in_total, TRUE)))
),

counted AS (
  SELECT thing_id
  FROM placed
  WHERE cohort = $numerator
    AND CASE $numerator_count
      WHEN 'done' THEN done_on <= due_on
      WHEN 'on_time' THEN is_on_time AND done_on <= due_on
      ELSE TRUE
    END
)

SELECT
  due.case_id,
  due.thing_id,
  due.due_on,
  due.done_on,
  due.thing_id IN (SELECT thing_id FROM counted) AS is_in_numerator,
  due.points,
  cases.state,
  strftime(cases.due_at, '%Y-%m-%d %H:%M') AS due_at,
  strftime(cases.deadline_at, '%Y-%m-%d %H:%M') AS deadline_at,
  strftime(cases.finished_at, '%Y-%m-%d %H:%M') AS finished_at
FROM placed AS due
INNER JOIN cases ON due.case_id = cases.case_id
WHERE due.cohort = $denominator
ORDER BY is_in_numerator, due.case_id, due.thing_id
