-- Rows of which a limit ends where no working day is known, and the first year that the calendar lacks for them.
WITH known AS (
  SELECT DISTINCT year(calendar_date) AS year_no FROM core_calendar
),

late AS (
  SELECT *, year(coalesce({{ begun | map('ident') | join(', ') }})) AS first_year
  FROM {{ table | ident }}
  WHERE is_beyond_calendar
)

SELECT
  * EXCLUDE (first_year),
  CASE
    WHEN first_year NOT IN (SELECT year_no FROM known) THEN first_year
    ELSE (
      SELECT min(year_no + 1)
      FROM known
      WHERE year_no >= first_year AND year_no + 1 NOT IN (SELECT year_no FROM known)
    )
  END AS missing_year
FROM late
