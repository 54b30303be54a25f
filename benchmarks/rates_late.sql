-- One late batch: of a thousand cases begun on sixty dates of the spring it comes out, much later, that who
-- reported them was called two days after and was not content.
INSERT INTO raw_event BY NAME
SELECT
  'late-' || n AS event_id,
  '/street/demo-centre' AS source,
  'gridrates.case.visited.v1' AS event_type,
  'C-2026-' || lpad(CAST($cases * 60 // 365 + n * ($cases * 60 // 365000) AS VARCHAR), 8, '0') AS subject_id,
  TIMESTAMPTZ '2026-03-04 10:00:00+08' + to_seconds(n * 5184) AS occurred_at,
  'dissatisfied' AS satisfaction,
  hash('/street/demo-centre', 'late-' || n) AS id_hash,
  hash(n) AS payload_hash,
  'case-events' AS kafka_topic,
  1 AS kafka_partition,
  n AS kafka_offset,
  $batch AS batch_id,
  now() AS landed_at
FROM range(1000) AS numbers (n)
