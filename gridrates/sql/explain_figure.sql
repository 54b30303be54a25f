-- Things of the denominator's cohort that fell due in the span at the place, and whether the numerator counts
-- them.
WITH placed AS (
  SELECT member.*
  FROM core_cohort_member AS member
  LEFT JOIN work_types ON member.work_type = work_types.work_type
  WHERE member.due_on BETWEEN $first AND $last
    -- What has not fallen due when the file is made is in no figure yet.
    AND member.due_on <= $until
    AND CASE $level
      WHEN 'unit' THEN coalesce(member.unit_code, 'unassigned') = $place
      WHEN 'category' THEN coalesce(member.category_system || ':' || member.category_code, 'unassigned') = $place
      WHEN 'channel' THEN coalesce(member.channel, 'unassigned') = $place
      WHEN 'operator' THEN coalesce(member.operator_id, 'unassigned') = $place
      WHEN 'tag' THEN list_contains(member.tags, $place)
      ELSE member.grid_path_id IN (SELECT path_id FROM grid_paths WHERE code = $place AND level = coalesce($level, level))
    END
    AND (member.work_type = $work_type OR ($work_type = 'all' AND coalesce(work_types.is_in_total, TRUE)))
),

counted AS (
  SELECT case_id, thing_id
  FROM placed
  WHERE cohort = $numerator
    AND CASE $numerator_count
      WHEN 'done' THEN done_on <= $last
      WHEN 'on_time' THEN is_on_time AND done_on <= $last
      ELSE TRUE
    END
)

SELECT
  due.case_id,
  due.thing_id,
  due.due_on,
  due.done_on,
  (due.case_id, due.thing_id) IN (SELECT (case_id, thing_id) FROM counted) AS is_in_numerator,
  due.points,
  cases.state,
  strftime(cases.due_at, '%Y-%m-%d %H:%M') AS due_at,
  strftime(cases.deadline_at, '%Y-%m-%d %H:%M') AS deadline_at,
  strftime(cases.finished_at, '%Y-%m-%d %H:%M') AS finished_at
FROM placed AS due
INNER JOIN cases ON due.case_id = cases.case_id
WHERE due.cohort = $denominator
ORDER BY is_in_numerator, due.points, due.case_id, due.thing_id
