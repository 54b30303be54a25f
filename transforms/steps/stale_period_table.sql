-- Every period that holds a stale date.
CREATE OR REPLACE TEMP TABLE stale_period AS
SELECT DISTINCT period_type, period_start
FROM (
  UNPIVOT (
    SELECT
      week_start AS week,
      month_start AS month,
      quarter_start AS quarter,
      half_year_start AS half_year,
      year_start AS year,
      assessment_month_start AS assessment_month
    FROM core_business_calendar
    WHERE business_date IN (SELECT business_date FROM stale_date)
  )
  ON COLUMNS(*) INTO NAME period_type VALUE period_start
)
