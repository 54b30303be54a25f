-- Blocks of the live file that hold nothing; a small file is not worth compacting.
SELECT
  'live' AS subject,
  free_blocks::DOUBLE / total_blocks AS value
FROM pragma_database_size()
WHERE database_name = current_database() AND total_blocks > 400
