-- The rates of weeks, months, quarters, half-years, years and assessment months, by place, unit, category
-- and channel. A period's numerator is what was done by the period's end of all that fell due in it; it is
-- not the sum of the days' numerators, which are cut at each day's end.
{% import 'rates.sql.j2' as rates with context -%}
WITH daily AS (
  SELECT
    cohort.* EXCLUDE (dimension, member_code),
    CASE cohort.dimension WHEN 'grid' THEN node.level ELSE cohort.dimension END AS level,
    CASE cohort.dimension WHEN 'grid' THEN node.code ELSE cohort.member_code END AS code
  FROM core_daily_cohort AS cohort
  LEFT JOIN core_grid_path_node AS node ON cohort.dimension = 'grid' AND cohort.member_code = node.path_id
  WHERE cohort.business_date <= DATE '{{ as_of_date }}'
),

placed AS (
  {% for period in periods if period != 'day' -%}
  SELECT
    '{{ period }}' AS period_type,
    calendar.{{ period }}_start AS period_start,
    calendar.{{ period }}_end AS period_end,
    daily.level,
    daily.code,
    daily.work_type,
    daily.cohort,
    sum(daily.due_count) AS due_count,
    sum(daily.done_{{ period }}_count) AS done_count,
    sum(daily.on_time_{{ period }}_count) AS on_time_count,
    sum(daily.points_sum) AS points_sum
  FROM daily
  INNER JOIN core_business_calendar AS calendar ON daily.business_date = calendar.business_date
  {% if incremental -%}
  WHERE calendar.{{ period }}_start IN (SELECT period_start FROM stale_period WHERE period_type = '{{ period }}')
  {% endif -%}
  GROUP BY ALL
  {% if not loop.last %}UNION ALL
  {% endif -%}
  {% endfor %}
),

counted AS (
  {{ rates.by_work_type('placed') | indent(2) }}
),

measured AS (
  SELECT
    period_type,
    period_start,
    period_end,
    period_end < DATE '{{ as_of_date }}' AS is_complete,
    level,
    code,
    work_type,
    {{ rates.measure_columns() | indent(2) }}
  FROM counted
  GROUP BY period_type, period_start, period_end, level, code, work_type
)

SELECT
  *,
  {{ rates.rate_columns() }}
FROM measured
