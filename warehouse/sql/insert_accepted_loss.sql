INSERT INTO raw_accepted_loss BY NAME
SELECT
  *,
  $topic AS kafka_topic,
  now() AS accepted_at,
  $by AS accepted_by,
  $version AS program_version
FROM losses;
