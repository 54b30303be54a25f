-- The daily rates of every node of the grid tree, as it was drawn when each case was filed.
{% import 'rates.sql.j2' as rates with context -%}
WITH measured AS (
  SELECT
    business_date,
    member_code,
    work_type,
    {{ rates.measured_by_end_of('day') | indent(4) }}
  FROM core_daily_cohort
  WHERE dimension = 'grid' AND business_date <= DATE '{{ as_of_date }}'
  GROUP BY business_date, member_code, work_type
),

{{ rates.rates_of_nodes() }}
