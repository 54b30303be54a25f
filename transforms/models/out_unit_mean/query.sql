-- The mean of the units' rates (各单位平均) beside the rate of all their cases together: some cities assess a
-- district by the former. Every unit with something due counts alike; what no unit has is left out. Rates are
-- added in billionths, so that a mean is the same in any order.
{% set rates = figures | select('in', indicators) | list -%}
WITH row_of_unit AS (
  SELECT
    'day' AS period_type,
    business_date AS period_start,
    business_date AS period_end,
    work_type,
    {{ rates | join(', ') }}
  FROM out_unit_daily_rates
  WHERE unit_code <> 'unassigned'
  UNION ALL
  SELECT
    period_type,
    period_start,
    period_end,
    work_type,
    {{ rates | join(', ') }}
  FROM out_period_rates
  WHERE level = 'unit' AND code <> 'unassigned'
),

figure AS (
  {% for code in rates -%}
  SELECT
    period_type,
    period_start,
    period_end,
    work_type,
    '{{ code }}' AS indicator,
    {{ code }} AS rate
  FROM row_of_unit
  WHERE {{ code }} IS NOT NULL
  {% if not loop.last %}UNION ALL
  {% endif -%}
  {% endfor %}
)

SELECT
  period_type,
  period_start,
  period_end,
  work_type,
  indicator,
  count(*) AS unit_count,
  CAST(sum(CAST(round(rate * 1000000000) AS BIGINT)) AS DOUBLE) / 1000000000 AS rate_sum,
  CAST(sum(CAST(round(rate * 1000000000) AS BIGINT)) AS DOUBLE) / 1000000000 / count(*) AS mean_rate
FROM figure
GROUP BY period_type, period_start, period_end, work_type, indicator
