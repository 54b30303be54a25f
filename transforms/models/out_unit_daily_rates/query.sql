-- The daily rates of every responsible unit.
{% import 'rates.sql.j2' as rates with context -%}
WITH daily AS (
  SELECT
    business_date,
    member_code AS unit_code,
    work_type,
    cohort,
    due_count,
    done_day_count AS done_count,
    on_time_day_count AS on_time_count,
    points_sum
  FROM core_daily_cohort
  WHERE dimension = 'unit' AND business_date <= DATE '{{ as_of_date }}' AND {{ stale('business_date') }}
),

measured AS (
  SELECT
    business_date,
    unit_code,
    work_type,
    {{ rates.measure_columns() | indent(2) }}
  FROM daily
  GROUP BY business_date, unit_code, work_type
),

counted AS (
  {{ rates.by_work_type('measured') | indent(2) }}
),

total AS (
  SELECT
    business_date,
    unit_code,
    work_type,
    {{ rates.measure_totals() | indent(2) }}
  FROM counted
  GROUP BY business_date, unit_code, work_type
)

SELECT
  *,
  {{ rates.rate_columns() }}
FROM total
