-- Kept payloads of the month that the file does not hold, to the byte.
SELECT count(*) AS missing_count
FROM raw_event
ANTI JOIN read_parquet($file) AS archived
  USING (kafka_topic, kafka_partition, kafka_offset, batch_id, payload)
WHERE
  payload IS NOT NULL
  AND landed_at >= $month::TIMESTAMPTZ AND landed_at < $month::TIMESTAMPTZ + INTERVAL 1 MONTH
