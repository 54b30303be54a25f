-- What this run has written of the suite already, and what passed too long ago to be asked for.
DELETE FROM ops_quality_result
WHERE
  suite = $suite
  AND (run_id = $run_id OR (is_passed AND checked_at < $checked_at - to_days($keep_days)))
