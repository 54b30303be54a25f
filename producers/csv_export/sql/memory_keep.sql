-- The memory of an import that came to its end, in a file of its own; of keys with one row.
INSERT INTO aside.standing_row
SELECT 0, standing_after.row_key, standing_after.content, standing_after.subject_id, standing_after.event_ids
FROM standing_after
ANTI JOIN ambiguous ON standing_after.row_key = ambiguous.row_key
