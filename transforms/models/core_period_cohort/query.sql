-- The measures by period and one dimension at a time: sums of the days that have begun. Quarters, half-years and
-- years are sums of months, which are far fewer than days.
{% import 'rates.sql.j2' as rates with context -%}
{% set keys = 'dimension, member_code, work_type' -%}
{% set made_of = {'week': 'day', 'month': 'month', 'quarter': 'month', 'half_year': 'month', 'year': 'month', 'assessment_month': 'day'} -%}
WITH day_part AS (
  SELECT business_date AS begins_on, *
  FROM core_daily_cohort
  WHERE business_date <= DATE '{{ as_of_date }}'
),

month_part AS (
  SELECT
    calendar.month_start AS begins_on,
    {{ keys }},
    done_within,
    {% for count in counts -%}
    sum(CAST({{ count.column }} AS DOUBLE)) AS {{ count.column }}{{ '' if loop.last else ',' }}
    {% endfor %}
  FROM day_part
  INNER JOIN core_business_calendar AS calendar ON day_part.begins_on = calendar.business_date
  GROUP BY calendar.month_start, {{ keys }}, done_within
),

measured AS (
  {% for period, part in made_of.items() -%}
  SELECT
    '{{ period }}' AS period_type,
    calendar.{{ period }}_start AS period_start,
    calendar.{{ period }}_end AS period_end,
    {{ keys }},
    {{ rates.measured_by_end_of(period) | indent(4) }}
  FROM {{ part }}_part AS made_from
  INNER JOIN core_business_calendar AS calendar ON made_from.begins_on = calendar.business_date
  GROUP BY calendar.{{ period }}_start, calendar.{{ period }}_end, {{ keys }}
  {% if not loop.last %}UNION ALL
  {% endif -%}
  {% endfor -%}
)

SELECT
  period_type,
  period_start,
  period_end,
  {{ keys }},
  {% for code in measures -%}
  CAST(coalesce({{ code }}, 0) AS BIGINT) AS {{ code }}{{ '' if loop.last else ',' }}
  {% endfor %}
FROM measured
