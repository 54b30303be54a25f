SELECT kafka_partition, next_offset, topic_id
FROM raw_landing_offset
WHERE kafka_topic = $topic;
