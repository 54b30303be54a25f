INSERT INTO raw_dead_letter_mirror (kafka_topic, mirror_id, last_reject_id, end_offsets, updated_at)
VALUES ($topic, $mirror_id, $last_reject_id, map($partitions, $ends), now());
