SELECT
  $generation::BIGINT AS generation,
  $published_at::TIMESTAMPTZ AS published_at,
  $run_id::VARCHAR AS run_id,
  $profile::VARCHAR AS profile,
  $time_zone::VARCHAR AS time_zone,
  $program_version::VARCHAR AS program_version,
  list_min($covered::DATE[]) AS first_date,
  list_max($covered::DATE[]) AS last_date,
  len($covered::DATE[])::BIGINT AS date_count,
  $held_back_count::BIGINT AS held_back_count,
  $row_counts::MAP (VARCHAR, BIGINT) AS row_counts
