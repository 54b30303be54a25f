-- The daily rates of every node of the grid tree, as it was drawn when each case was filed.
{% import 'rates.sql.j2' as rates with context -%}
WITH daily AS (
  SELECT
    business_date,
    member_code,
    work_type,
    cohort,
    due_count,
    done_day_count AS done_count,
    on_time_day_count AS on_time_count,
    points_sum
  FROM core_daily_cohort
  WHERE dimension = 'grid' AND business_date <= DATE '{{ as_of_date }}'
),

{{ rates.rates_of_nodes() }}
