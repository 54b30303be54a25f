-- The same beside what an earlier archiving put into the month's file and did not live to take out of the table.
WITH kept AS (
  SELECT
    source, event_id, event_type, subject_id, occurred_at,
    kafka_topic, kafka_partition, kafka_offset, kafka_at, batch_id, landed_at, payload
  FROM raw_event
  WHERE
    payload IS NOT NULL
    AND landed_at >= $month::TIMESTAMPTZ AND landed_at < $month::TIMESTAMPTZ + INTERVAL 1 MONTH
)

SELECT * FROM kept
UNION ALL BY NAME
SELECT archived.*
FROM read_parquet($file) AS archived
ANTI JOIN kept USING (kafka_topic, kafka_partition, kafka_offset, batch_id)
ORDER BY batch_id, kafka_partition, kafka_offset
