-- Refused records of which the same batch holds an event: what is in another batch is another record, for batches
-- do not overlap, and a topic that was made anew counts its records from the start.
SELECT refused.*
FROM raw_rejected_event AS refused
SEMI JOIN {{ everything('raw_event') }} AS landed USING (batch_id, kafka_topic, kafka_partition, kafka_offset)
