SELECT coalesce(max(reject_id), 0)
FROM raw_rejected_event;
