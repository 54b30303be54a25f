-- What is archived of a month: where an event is from, what it is, and its bytes.
SELECT
  source, event_id, event_type, subject_id, occurred_at,
  kafka_topic, kafka_partition, kafka_offset, kafka_at, batch_id, landed_at, payload
FROM raw_event
WHERE payload IS NOT NULL AND landed_at >= $month::TIMESTAMPTZ AND landed_at < $month::TIMESTAMPTZ + INTERVAL 1 MONTH
ORDER BY batch_id, kafka_partition, kafka_offset
