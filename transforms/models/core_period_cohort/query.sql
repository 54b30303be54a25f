-- The cohorts counted by period and one dimension at a time: sums of the days that have begun.
{% for period in periods if period != 'day' -%}
SELECT
  '{{ period }}' AS period_type,
  calendar.{{ period }}_start AS period_start,
  calendar.{{ period }}_end AS period_end,
  daily.dimension,
  daily.member_code,
  daily.work_type,
  daily.cohort,
  CAST(sum(daily.due_count) AS BIGINT) AS due_count,
  CAST(sum(daily.done_{{ period }}_count) AS BIGINT) AS done_count,
  CAST(sum(daily.on_time_{{ period }}_count) AS BIGINT) AS on_time_count,
  CAST(sum(daily.points_sum) AS BIGINT) AS points_sum
FROM core_daily_cohort AS daily
INNER JOIN core_business_calendar AS calendar ON daily.business_date = calendar.business_date
WHERE daily.business_date <= DATE '{{ as_of_date }}'
GROUP BY
  calendar.{{ period }}_start, calendar.{{ period }}_end, daily.dimension, daily.member_code, daily.work_type,
  daily.cohort
{% if not loop.last %}UNION ALL
{% endif -%}
{% endfor %}
