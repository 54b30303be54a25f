INSERT INTO raw_rejected_event BY NAME
SELECT
  (SELECT coalesce(max(reject_id), 0) FROM raw_rejected_event)
  + row_number() OVER (ORDER BY kafka_partition, kafka_offset) AS reject_id,
  *,
  $topic AS kafka_topic,
  $batch_id AS batch_id,
  now() AS rejected_at
FROM refused;
