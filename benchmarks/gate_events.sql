-- Landed events as a street's cases make them: six a case, half a year, four partitions, batches of 200,000.
INSERT INTO raw_event BY NAME
SELECT
  CAST(CAST(md5(CAST(n AS VARCHAR)) AS UUID) AS VARCHAR) AS event_id,
  'street-' || n % 4 AS source,
  'gridrates.case.' || ['reported', 'filed', 'dispatched', 'signed', 'handled', 'closed'][1 + n % 6] || '.v1' AS event_type,
  'C' || n // 6 AS subject_id,
  TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds((n * 3) % 15552000) AS occurred_at,
  'G' || lpad(CAST(n // 6 % 440 AS VARCHAR), 6, '0') AS grid_code,
  'U' || n % 30 AS unit_code,
  CASE WHEN n % 6 = 0 THEN '沿街第' || n % 977 || '号门前有暴露垃圾，请尽快清理' END AS description,
  CASE WHEN n % 50 = 0 THEN '不属于本单位管辖范围，请重新派遣' END AS reason,
  'grid_case' AS work_type,
  '01' || lpad(CAST(n % 37 AS VARCHAR), 2, '0') AS category_code,
  ['patrol', 'hotline', 'police'][1 + n % 3] AS channel,
  '{"specversion":"1.0","id":"' || CAST(md5(CAST(n AS VARCHAR)) AS UUID) || '","source":"street-' || n % 4
  || '","type":"gridrates.case.reported.v1","subject":"C' || n // 6 || '","time":"2026-01-01T00:00:00+08:00",'
  || '"data":{"grid_code":"G000123","unit_code":"U12","work_type":"grid_case","category_code":"0110",'
  || '"channel":"patrol","longitude":120.138124,"latitude":30.2,"description":"沿街第' || n % 977
  || '号门前有暴露垃圾，请尽快清理"}}' AS payload,
  hash(n) AS id_hash,
  hash(n) AS payload_hash,
  'case-events' AS kafka_topic,
  CAST(n % 4 AS INTEGER) AS kafka_partition,
  n // 4 AS kafka_offset,
  n // 200000 AS batch_id,
  now() AS landed_at
FROM range($events) AS numbers (n);

INSERT INTO raw_landing_batch BY NAME
SELECT
  batch_id,
  kafka_topic,
  kafka_partition,
  min(kafka_offset) AS from_offset,
  max(kafka_offset) + 1 AS to_offset,
  count(*) AS read_count,
  count(*) AS landed_count,
  0 AS duplicate_count,
  0 AS rejected_count,
  0 AS conflict_count,
  sum(length(payload)) AS byte_count,
  0 AS fetch_seconds,
  0 AS parse_seconds,
  0 AS write_seconds,
  min(landed_at) AS started_at,
  max(landed_at) AS committed_at,
  '0' AS program_version
FROM raw_event
GROUP BY ALL;

INSERT INTO raw_landing_offset BY NAME
SELECT kafka_topic, kafka_partition, max(to_offset) AS next_offset, now() AS updated_at
FROM raw_landing_batch
GROUP BY ALL;
