-- Positions of partitions that the topic no longer has.
DELETE FROM raw_landing_offset
WHERE kafka_topic = $topic AND kafka_partition NOT IN (SELECT unnest($partitions));
