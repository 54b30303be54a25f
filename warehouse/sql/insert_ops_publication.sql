INSERT INTO ops_publication
SELECT
  $generation,
  $run_id,
  $published_at,
  list_min($covered::DATE[]),
  list_max($covered::DATE[]),
  len($covered::DATE[]),
  $held_back_count,
  $row_count,
  $byte_count,
  $seconds,
  $program_version
