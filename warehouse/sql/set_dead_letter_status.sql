UPDATE raw_rejected_event
SET status = $status
FROM acted
WHERE raw_rejected_event.reject_id = acted.reject_id;
