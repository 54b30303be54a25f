-- The daily rates of every node of the grid tree, as it was drawn when each case was filed.
{% import 'rates.sql.j2' as rates with context -%}
WITH placed AS (
  SELECT
    daily.business_date,
    node.level,
    node.code,
    daily.work_type,
    daily.cohort,
    daily.due_count,
    daily.done_day_count AS done_count,
    daily.on_time_day_count AS on_time_count,
    daily.points_sum
  FROM core_daily_cohort AS daily
  INNER JOIN core_grid_path_node AS node ON daily.member_code = node.path_id
  WHERE daily.dimension = 'grid' AND daily.business_date <= DATE '{{ as_of_date }}' AND {{ stale('daily.business_date') }}
),

counted AS (
  {{ rates.by_work_type('placed') | indent(2) }}
),

measured AS (
  SELECT
    business_date,
    level,
    code,
    work_type,
    {{ rates.measure_columns() | indent(2) }}
  FROM counted
  GROUP BY business_date, level, code, work_type
)

SELECT
  *,
  {{ rates.rate_columns() }}
FROM measured
