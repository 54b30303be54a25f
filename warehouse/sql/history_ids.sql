SELECT id_hash
FROM raw_event;
