-- Headline rates and the main counts of each period beside the period before (环比) and the same period of the
-- year before (同比). Weeks are compared with the week 52 weeks before, so that weekdays match.
WITH figure AS (
  {% for code in figures -%}
  SELECT
    period_type,
    period_start,
    period_end,
    is_complete,
    level,
    code,
    work_type,
    '{{ code }}' AS indicator,
    CAST({{ code }} AS DOUBLE) AS value
  FROM out_period_rates
  {% if not loop.last %}UNION ALL
  {% endif -%}
  {% endfor %}
),

placed AS (
  SELECT
    *,
    CASE period_type
      WHEN 'week' THEN CAST(period_start - INTERVAL 7 DAY AS DATE)
      WHEN 'quarter' THEN CAST(period_start - INTERVAL 3 MONTH AS DATE)
      WHEN 'half_year' THEN CAST(period_start - INTERVAL 6 MONTH AS DATE)
      WHEN 'year' THEN CAST(period_start - INTERVAL 12 MONTH AS DATE)
      ELSE CAST(period_start - INTERVAL 1 MONTH AS DATE)
    END AS previous_start,
    CASE period_type
      WHEN 'week' THEN CAST(period_start - INTERVAL 364 DAY AS DATE)
      ELSE CAST(period_start - INTERVAL 12 MONTH AS DATE)
    END AS last_year_start
  FROM figure
)

SELECT
  placed.period_type,
  placed.period_start,
  placed.period_end,
  placed.is_complete,
  placed.level,
  placed.code,
  placed.work_type,
  placed.indicator,
  placed.value,
  previous.value AS previous_value,
  {% set rate = "placed.indicator LIKE '%_rate'" -%}
  CASE WHEN {{ rate }} THEN placed.value - previous.value END AS change_points,
  CASE WHEN NOT ({{ rate }}) AND previous.value > 0 THEN placed.value / previous.value - 1 END AS change_ratio,
  last_year.value AS last_year_value,
  CASE WHEN {{ rate }} THEN placed.value - last_year.value END AS change_on_year_points,
  CASE WHEN NOT ({{ rate }}) AND last_year.value > 0 THEN placed.value / last_year.value - 1 END AS change_on_year_ratio
FROM placed
LEFT JOIN figure AS previous
  ON placed.period_type = previous.period_type
    AND placed.previous_start = previous.period_start
    AND placed.level = previous.level
    AND placed.code = previous.code
    AND placed.work_type = previous.work_type
    AND placed.indicator = previous.indicator
LEFT JOIN figure AS last_year
  ON placed.period_type = last_year.period_type
    AND placed.last_year_start = last_year.period_start
    AND placed.level = last_year.level
    AND placed.code = last_year.code
    AND placed.work_type = last_year.work_type
    AND placed.indicator = last_year.indicator
