-- Cases under way at the statistics moment, by place: open, beyond their deadline, paused, and by age.
WITH open_case AS (
  SELECT
    node.level,
    node.code,
    c.work_type,
    c.case_id,
    c.deadline_at < TIMESTAMPTZ '{{ as_of }}' AS is_overdue,
    c.is_suspended,
    c.is_suspended AND c.suspended_at < TIMESTAMPTZ '{{ as_of }}' - INTERVAL 60 DAY AS is_long_suspended,
    date_diff('day', coalesce(c.filed_on, c.dispatched_on), DATE '{{ as_of_date }}') AS age_days
  FROM core_case AS c
  INNER JOIN core_grid_path_node AS node ON c.grid_path_id = node.path_id
  WHERE c.is_in_rates AND c.closed_at IS NULL
),

counted AS (
  SELECT level, code, work_type, is_overdue, is_suspended, is_long_suspended, age_days FROM open_case
  UNION ALL
  SELECT o.level, o.code, 'all' AS work_type, o.is_overdue, o.is_suspended, o.is_long_suspended, o.age_days
  FROM open_case AS o
  LEFT JOIN core_work_type ON o.work_type = core_work_type.work_type
  WHERE coalesce(core_work_type.is_in_total, TRUE)
)

SELECT
  level,
  code,
  work_type,
  count(*) AS open_count,
  count(*) FILTER (WHERE is_overdue) AS overdue_open_count,
  count(*) FILTER (WHERE is_suspended) AS suspended_now_count,
  count(*) FILTER (WHERE is_long_suspended) AS long_suspended_count,
  count(*) FILTER (WHERE age_days <= 3) AS age_3_days_count,
  count(*) FILTER (WHERE age_days BETWEEN 4 AND 7) AS age_7_days_count,
  count(*) FILTER (WHERE age_days BETWEEN 8 AND 30) AS age_30_days_count,
  count(*) FILTER (WHERE age_days > 30) AS age_over_30_days_count
FROM counted
GROUP BY level, code, work_type
