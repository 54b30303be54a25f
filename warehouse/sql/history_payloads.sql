SELECT payload_hash
FROM raw_event;
