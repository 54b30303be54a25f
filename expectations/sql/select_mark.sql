-- The last batch that passed, before this run.
SELECT max(batch_id) FROM ops_quality_mark WHERE suite = $suite AND run_id <> $run_id
