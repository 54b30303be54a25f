-- Stages whose last run failed; the file's own check does not count, it would never recover.
SELECT
  stage AS subject,
  (arg_max(state, started_at) = 'failed')::INT::DOUBLE AS value
FROM ops_pipeline_run
GROUP BY ALL
HAVING arg_max(state, started_at) = 'failed'
