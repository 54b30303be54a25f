DELETE FROM raw_dead_letter_mirror
WHERE kafka_topic = $topic;
