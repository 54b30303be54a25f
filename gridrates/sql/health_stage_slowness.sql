-- The last run of a stage beside the middle one of the twenty before it; short ones are not worth a word.
WITH timed AS (
  SELECT
    stage,
    epoch(ended_at - started_at) AS seconds,
    row_number() OVER (PARTITION BY stage ORDER BY started_at DESC) AS position
  FROM ops_pipeline_run
  WHERE state = 'succeeded' AND ended_at IS NOT NULL
)

SELECT
  stage AS subject,
  max(seconds) FILTER (WHERE position = 1) / median(seconds) FILTER (WHERE position > 1) AS value
FROM timed
WHERE position <= 21
GROUP BY ALL
HAVING
  count(*) > 5
  AND max(seconds) FILTER (WHERE position = 1) > 10
  AND median(seconds) FILTER (WHERE position > 1) > 0
