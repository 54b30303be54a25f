DELETE FROM ops_quality_mark WHERE suite = $suite AND run_id = $run_id
