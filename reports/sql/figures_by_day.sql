-- Daily figures of every kind of subject, under one roof: (at, level, code) and the family's columns.
SELECT
  business_date AS at,
  level,
  code,
  * EXCLUDE (business_date, level, code)
FROM daily_rates
WHERE business_date BETWEEN $first AND $last AND list_contains($levels, level) AND work_type = $work_type
UNION ALL BY NAME
SELECT
  business_date AS at,
  'unit' AS level,
  unit_code AS code,
  * EXCLUDE (business_date, unit_code)
FROM unit_daily_rates
WHERE business_date BETWEEN $first AND $last AND list_contains($levels, 'unit') AND work_type = $work_type
UNION ALL BY NAME
SELECT
  business_date AS at,
  'category' AS level,
  category_code AS code,
  * EXCLUDE (business_date, category_code)
FROM category_daily_rates
WHERE business_date BETWEEN $first AND $last AND list_contains($levels, 'category') AND work_type = $work_type
UNION ALL BY NAME
SELECT
  business_date AS at,
  'channel' AS level,
  channel AS code,
  * EXCLUDE (business_date, channel)
FROM channel_daily_rates
WHERE business_date BETWEEN $first AND $last AND list_contains($levels, 'channel') AND work_type = $work_type
