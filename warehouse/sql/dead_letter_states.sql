SELECT reject_id, status
FROM raw_rejected_event
WHERE reject_id IN (SELECT unnest($ids));
