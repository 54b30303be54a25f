-- Made-up events that were landed before: one every two seconds up to the end of 2025.
INSERT INTO raw_event BY NAME
SELECT
  'h-' || printf('%016x', hash(i)) AS event_id,
  '/street/demo-centre' AS source,
  'gridrates.case.filed.v1' AS event_type,
  'C-2025-' || lpad((i // 6)::VARCHAR, 8, '0') AS subject_id,
  TIMESTAMPTZ '2025-12-31 00:00:00+00' - to_seconds(2 * ($count - i)) AS occurred_at,
  'grid_case' AS work_type,
  lpad((hash(i) % 90)::VARCHAR, 4, '0') AS category_code,
  'G' || lpad((hash(i + 1) % 300)::VARCHAR, 3, '0') AS grid_code,
  'U' || (hash(i + 2) % 30) AS unit_code,
  hash(source, event_id) AS id_hash,
  hash(i + 3) AS payload_hash,
  'made-up' AS kafka_topic,
  0 AS kafka_partition,
  i AS kafka_offset,
  0 AS batch_id,
  now() AS landed_at
FROM range($count) AS numbers (i);
