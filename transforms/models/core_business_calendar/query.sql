-- Every business date an event can fall on, with the periods it lies in. The assessment month (考核月) may
-- begin on another day than the first; it is named after the month it ends in.
WITH day AS (
  SELECT CAST(midnight AS DATE) AS business_date
  FROM (SELECT unnest(generate_series(DATE '1970-01-01', DATE '2200-12-31', INTERVAL 1 DAY)) AS midnight) AS midnights
),

month AS (
  SELECT
    business_date,
    CAST(date_trunc('month', business_date) AS DATE) AS month_start,
    CAST(date_trunc('quarter', business_date) AS DATE) AS quarter_start,
    CAST(date_trunc('year', business_date) AS DATE) AS year_start,
    CAST(
      date_trunc('month', business_date - INTERVAL '{{ profile.assessment_month_starts_on - 1 }}' DAY)
      + INTERVAL '{{ profile.assessment_month_starts_on - 1 }}' DAY AS DATE
    ) AS assessment_month_start,
    CAST(
      date_trunc('year', business_date)
      + CASE WHEN extract(month FROM business_date) > 6 THEN INTERVAL 6 MONTH ELSE INTERVAL 0 MONTH END AS DATE
    ) AS half_year_start
  FROM day
)

SELECT
  business_date,
  business_date AS day_start,
  business_date AS day_end,
  CAST(date_trunc('week', business_date) AS DATE) AS week_start,
  CAST(date_trunc('week', business_date) + INTERVAL 6 DAY AS DATE) AS week_end,
  month_start,
  CAST(month_start + INTERVAL 1 MONTH - INTERVAL 1 DAY AS DATE) AS month_end,
  quarter_start,
  CAST(quarter_start + INTERVAL 3 MONTH - INTERVAL 1 DAY AS DATE) AS quarter_end,
  half_year_start,
  CAST(half_year_start + INTERVAL 6 MONTH - INTERVAL 1 DAY AS DATE) AS half_year_end,
  year_start,
  CAST(year_start + INTERVAL 12 MONTH - INTERVAL 1 DAY AS DATE) AS year_end,
  assessment_month_start,
  CAST(assessment_month_start + INTERVAL 1 MONTH - INTERVAL 1 DAY AS DATE) AS assessment_month_end
FROM month
