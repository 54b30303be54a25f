-- When cases were folded last, by the clock of then, in another run than this one.
SELECT ended_at
FROM ops_pipeline_run
WHERE stage = 'fold' AND state = 'succeeded' AND run_id <> $run_id
ORDER BY rowid DESC
LIMIT 1
