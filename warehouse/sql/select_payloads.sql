-- Kept payloads of events that occurred in a span of time, as they landed.
SELECT kafka_topic, kafka_partition, kafka_offset, batch_id, subject_id, payload
FROM raw_event
WHERE
  payload IS NOT NULL
  AND ($first IS NULL OR occurred_at >= $first)
  AND ($last IS NULL OR occurred_at < $last);
