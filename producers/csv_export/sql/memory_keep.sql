-- The memory of an import that came to its end, in a file of its own.
INSERT INTO aside.standing_row
SELECT DISTINCT 0, row_key, content, subject_id, event_ids
FROM standing_after;

INSERT INTO aside.retracted_event
SELECT DISTINCT 0, event_id
FROM (
  SELECT event_id FROM retracted
  UNION
  SELECT event_id FROM to_retract
);
