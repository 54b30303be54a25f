SELECT mirror_id, last_reject_id, end_offsets
FROM raw_dead_letter_mirror
WHERE kafka_topic = $topic;
