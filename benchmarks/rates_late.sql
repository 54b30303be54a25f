-- One late batch: a thousand cases spread over sixty dates of the spring turn out to have been visited then.
INSERT INTO raw_event BY NAME
SELECT
  'late-' || n AS event_id,
  '/street/demo-centre' AS source,
  'gridrates.case.visited.v1' AS event_type,
  'C-2026-' || lpad(CAST(n * ($cases // 1000) AS VARCHAR), 8, '0') AS subject_id,
  TIMESTAMPTZ '2026-03-01 10:00:00+08' + to_days(n % 60) AS occurred_at,
  'dissatisfied' AS satisfaction,
  hash('/street/demo-centre', 'late-' || n) AS id_hash,
  hash(n) AS payload_hash,
  'case-events' AS kafka_topic,
  1 AS kafka_partition,
  n AS kafka_offset,
  $batch AS batch_id,
  now() AS landed_at
FROM range(1000) AS numbers (n)
