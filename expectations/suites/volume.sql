-- Closed dates whose reports differ too much from the mean of their weekday in the eight weeks before. A date
-- without any report has no row of its own, so the weekdays before are counted from the calendar.
WITH total AS (
  SELECT business_date, reported_count
  FROM {{ everything('out_daily_rates') }}
  WHERE level = 'total' AND work_type = 'all'
),

compared AS (
  SELECT
    now.business_date,
    now.reported_count,
    sum(before.reported_count) / 8.0 AS usual_count
  FROM total AS now
  SEMI JOIN out_daily_rates USING (business_date)
  INNER JOIN total AS before
    ON before.business_date BETWEEN now.business_date - INTERVAL 56 DAY AND now.business_date - INTERVAL 7 DAY
      AND dayofweek(before.business_date) = dayofweek(now.business_date)
  WHERE
    now.business_date < {{ as_of_date }}
    AND now.business_date >= (SELECT min(business_date) FROM total) + INTERVAL 56 DAY
  GROUP BY ALL
)

SELECT business_date, 'total' AS level, 'total' AS code, 'all' AS work_type
FROM compared
WHERE
  usual_count >= {{ volume_cases }}
  AND (
    reported_count > usual_count * {{ volume_factor }}
    OR reported_count * {{ volume_factor }} < usual_count
  )
