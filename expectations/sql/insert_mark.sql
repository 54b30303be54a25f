INSERT INTO ops_quality_mark
SELECT $suite, max(batch_id), $run_id, $marked_at FROM raw_landing_batch
HAVING max(batch_id) > coalesce((SELECT max(batch_id) FROM ops_quality_mark WHERE suite = $suite), -1)
