-- The rates of weeks, months, quarters, half-years, years and assessment months, by place, unit, category,
-- channel, operator and tag. A period's numerator is what was done by the period's end of all that fell due in it; it is
-- not the sum of the days' numerators, which are cut at each day's end.
{% import 'rates.sql.j2' as rates with context -%}
WITH measured AS (
  {{ rates.measured('core_period_cohort', 'period_type, period_start, period_end, dimension, member_code, work_type') | indent(2) }}
),

placed AS (
  SELECT measured.* EXCLUDE (dimension, member_code), node.level, node.code
  FROM measured
  INNER JOIN core_grid_path_node AS node ON measured.member_code = node.path_id
  WHERE measured.dimension = 'grid'
  UNION ALL
  SELECT measured.* EXCLUDE (dimension, member_code), dimension AS level, member_code AS code
  FROM measured
  WHERE measured.dimension <> 'grid'
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
    {{ rates.measure_totals() | indent(2) }}
  FROM counted
  GROUP BY period_type, period_start, period_end, level, code, work_type
)

SELECT
  *,
  {{ rates.rate_columns() }}
FROM total
