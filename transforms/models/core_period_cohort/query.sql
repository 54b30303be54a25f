-- The cohorts counted by period and one dimension at a time: sums of the days that have begun. Quarters,
-- half-years and years are sums of months, which are far fewer than days.
{% set keys = 'dimension, member_code, work_type, cohort, done_within' -%}
{% set made_of = {'week': 'day', 'month': 'day', 'quarter': 'month', 'half_year': 'month', 'year': 'month', 'assessment_month': 'day'} -%}
WITH day_part AS (
  SELECT business_date AS begins_on, {{ keys }}, due_count, on_time_count, points_sum
  FROM core_daily_cohort
  WHERE business_date <= DATE '{{ as_of_date }}'
),

month_part AS (
  SELECT
    calendar.month_start AS begins_on,
    {{ keys }},
    CAST(sum(due_count) AS BIGINT) AS due_count,
    CAST(sum(on_time_count) AS BIGINT) AS on_time_count,
    CAST(sum(points_sum) AS BIGINT) AS points_sum
  FROM day_part
  INNER JOIN core_business_calendar AS calendar ON day_part.begins_on = calendar.business_date
  GROUP BY calendar.month_start, {{ keys }}
)

{% for period, part in made_of.items() -%}
{% set is_done = 'done_within & ' ~ 2 ** periods.index(period) ~ ' <> 0' -%}
SELECT
  '{{ period }}' AS period_type,
  calendar.{{ period }}_start AS period_start,
  calendar.{{ period }}_end AS period_end,
  dimension,
  member_code,
  work_type,
  cohort,
  CAST(sum(due_count) AS BIGINT) AS due_count,
  CAST(sum(CASE WHEN {{ is_done }} THEN due_count ELSE 0 END) AS BIGINT) AS done_count,
  CAST(sum(CASE WHEN {{ is_done }} THEN on_time_count ELSE 0 END) AS BIGINT) AS on_time_count,
  CAST(sum(points_sum) AS BIGINT) AS points_sum
FROM {{ part }}_part AS part
INNER JOIN core_business_calendar AS calendar ON part.begins_on = calendar.business_date
GROUP BY calendar.{{ period }}_start, calendar.{{ period }}_end, dimension, member_code, work_type, cohort
{% if not loop.last %}UNION ALL
{% endif -%}
{% endfor %}
