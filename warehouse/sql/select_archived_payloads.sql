-- The same of events whose payload was moved to a month's archive file. Which events they are, and when they
-- occurred, the table says: what it reads otherwise since then holds here too.
SELECT kafka_topic, kafka_partition, kafka_offset, batch_id, archived.subject_id, archived.payload
FROM read_parquet($file) AS archived
SEMI JOIN (
  SELECT kafka_topic, kafka_partition, kafka_offset, batch_id
  FROM raw_event
  WHERE
    payload IS NULL
    AND ($first IS NULL OR occurred_at >= $first)
    AND ($last IS NULL OR occurred_at < $last)
) AS wanted USING (kafka_topic, kafka_partition, kafka_offset, batch_id)
ORDER BY batch_id, kafka_partition, kafka_offset
