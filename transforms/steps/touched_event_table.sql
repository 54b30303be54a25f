-- The events of touched cases, without what no model reads: the payload alone is dearer to read than all the rest.
-- They are looked for only in the time they can lie in: what history there is beside it is passed over. Only
-- retractions, which can be of any time, are looked for in all of it, by their type.
CREATE OR REPLACE TEMP TABLE touched_event AS
SELECT * EXCLUDE (payload, payload_hash, id_hash, kafka_topic, kafka_partition, kafka_offset, kafka_at)
FROM raw_event
WHERE subject_id IN (SELECT case_id FROM touched_case) AND occurred_at BETWEEN $first_at AND $last_at
UNION ALL
SELECT * EXCLUDE (payload, payload_hash, id_hash, kafka_topic, kafka_partition, kafka_offset, kafka_at)
FROM raw_event
WHERE subject_id IN (SELECT case_id FROM touched_case)
  AND event_type = 'gridrates.event.retracted.v1'
  AND occurred_at NOT BETWEEN $first_at AND $last_at
