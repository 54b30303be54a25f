MERGE INTO raw_landing_offset AS stored
USING moved
ON stored.kafka_topic = $topic AND stored.kafka_partition = moved.kafka_partition
WHEN MATCHED THEN UPDATE SET
  next_offset = moved.next_offset,
  topic_id = $topic_id,
  updated_at = now()
WHEN NOT MATCHED THEN INSERT (kafka_topic, kafka_partition, next_offset, topic_id, updated_at)
  VALUES ($topic, moved.kafka_partition, moved.next_offset, $topic_id, now());
