-- The rates of weeks, months, quarters, half-years, years and assessment months, by place, unit, category,
-- channel, operator and tag. A period's numerator is what was done by the period's end of all that fell due in it; it is
-- not the sum of the days' numerators, which are cut at each day's end.
{% import 'rates.sql.j2' as rates with context -%}
WITH measured AS (
  SELECT * FROM core_period_cohort
),

placed AS (
  SELECT
    measured.period_type,
    measured.period_start,
    measured.period_end,
    node.level,
    node.code,
    measured.work_type,
    {{ rates.measure_sums() | indent(2) }}
  FROM measured
  INNER JOIN core_grid_path_node AS node ON measured.member_code = node.path_id
  WHERE measured.dimension = 'grid'
  GROUP BY
    measured.period_type, measured.period_start, measured.period_end, node.level, node.code, measured.work_type
  UNION ALL
  SELECT
    period_type,
    period_start,
    period_end,
    dimension AS level,
    member_code AS code,
    work_type,
    {{ measures | join(', ') }}
  FROM measured
  WHERE dimension <> 'grid'
),

counted AS (
  {{ rates.by_work_type('placed', 'period_type, period_start, period_end, level, code') | indent(2) }}
),

total AS (
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
)

SELECT
  *,
  {{ rates.rate_columns() }}
FROM total
WHERE {{ rates.anything_counted() }}
