-- Of keys with several rows: nothing of them is ever dropped, so each is kept once.
INSERT INTO aside.standing_row
SELECT DISTINCT
  0, standing_after.row_key, standing_after.content, standing_after.subject_id, standing_after.event_ids
FROM standing_after
SEMI JOIN ambiguous ON standing_after.row_key = ambiguous.row_key
WHERE standing_after.row_key % CAST($slices AS UBIGINT) = CAST($slice AS UBIGINT)
