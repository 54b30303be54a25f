-- How much the live file grew a day, since it was measured about a day ago.
WITH before AS (
  SELECT
    checked_at,
    value
  FROM ops_pipeline_health
  WHERE
    check_name = 'file_bytes'
    AND checked_at BETWEEN $now::TIMESTAMPTZ - INTERVAL 2 DAY AND $now::TIMESTAMPTZ - INTERVAL 20 HOUR
  ORDER BY checked_at DESC
  LIMIT 1
)

SELECT
  'live' AS subject,
  ($file_bytes - value) / (epoch($now::TIMESTAMPTZ - checked_at) / 86400) AS value
FROM before
