SELECT refused.*
FROM raw_rejected_event AS refused
SEMI JOIN {{ everything('raw_event') }} AS landed USING (kafka_topic, kafka_partition, kafka_offset)
