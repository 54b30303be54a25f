DELETE FROM ops_quality_result WHERE run_id = $run_id AND suite = $suite
