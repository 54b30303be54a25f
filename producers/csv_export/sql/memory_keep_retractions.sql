-- What was taken back, by this import and those before it.
INSERT INTO aside.retracted_event
SELECT DISTINCT 0, event_id
FROM (
  SELECT event_id FROM retracted
  UNION ALL
  SELECT event_id FROM to_retract
) AS told
WHERE hash(event_id) % CAST($slices AS UBIGINT) = CAST($slice AS UBIGINT)
