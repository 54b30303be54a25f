INSERT INTO raw_landing_batch BY NAME
SELECT
  *,
  $batch_id AS batch_id,
  $topic AS kafka_topic,
  now() AS committed_at,
  $version AS program_version
FROM lines;
