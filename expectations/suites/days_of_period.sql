-- Rows whose due counts are not the sums over the daily rates of their level.
{% set due = [] %}
{% for code, measure in measures.items() if measure.count == 'due' %}{{ due.append(code) or '' }}{% endfor %}
WITH day AS (
  SELECT
    period.period_type,
    period.period_start,
    period.level,
    period.code,
    period.work_type,
    {% for code in due %}
    sum(daily.{{ code | ident }}) AS {{ code | ident }}{{ ',' if not loop.last }}
    {% endfor %}
  FROM {{ table | ident }} AS period
  INNER JOIN {{ everything('out_daily_rates') }} AS daily
    ON period.level = daily.level
      AND period.code = daily.code
      AND period.work_type = daily.work_type
      AND daily.business_date BETWEEN period.period_start AND period.period_end
  GROUP BY ALL
)

SELECT period.*
FROM {{ table | ident }} AS period
LEFT JOIN day USING (period_type, period_start, level, code, work_type)
WHERE
  period.level IN (SELECT level FROM {{ everything('out_daily_rates') }})
  AND (
    {% for code in due %}
    period.{{ code | ident }} <> coalesce(day.{{ code | ident }}, 0){{ ' OR' if not loop.last }}
    {% endfor %}
  )
