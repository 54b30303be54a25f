-- Cases with events in batches that were not folded yet.
CREATE OR REPLACE TEMP TABLE touched_case AS
SELECT DISTINCT subject_id AS case_id
FROM raw_event
WHERE batch_id > (SELECT last_batch_id FROM ops_transform_state)
  AND (event_type LIKE 'gridrates.case.%' OR event_type = 'gridrates.event.retracted.v1')
