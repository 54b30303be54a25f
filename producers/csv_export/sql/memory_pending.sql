-- Said before it is sent.
INSERT INTO pending.retracted_event
SELECT this_run.run_no, to_retract.event_id
FROM to_retract
CROSS JOIN this_run
