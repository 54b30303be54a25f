-- The same events as landing leaves them, without their original bytes.
INSERT INTO raw_event BY NAME
SELECT
  parsed.*,
  hash(source, event_id) AS id_hash,
  hash(event_id) AS payload_hash,
  'case-events' AS kafka_topic,
  0 AS kafka_partition,
  rowid AS kafka_offset,
  1 + rowid // 100000 AS batch_id,
  now() AS landed_at
FROM parsed
