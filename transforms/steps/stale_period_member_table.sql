-- The same for the periods that hold these dates.
CREATE OR REPLACE TEMP TABLE stale_period_member AS
SELECT DISTINCT period.period_type, period.period_start, member.dimension, member.level, member.code
FROM stale_member AS member
INNER JOIN (
  UNPIVOT (
    SELECT
      business_date,
      week_start AS week,
      month_start AS month,
      quarter_start AS quarter,
      half_year_start AS half_year,
      year_start AS year,
      assessment_month_start AS assessment_month
    FROM core_business_calendar
    WHERE business_date IN (SELECT business_date FROM stale_date)
  )
  ON week, month, quarter, half_year, year, assessment_month INTO NAME period_type VALUE period_start
) AS period ON member.business_date = period.business_date
