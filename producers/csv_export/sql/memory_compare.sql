-- What this import found against what the imports before it sent. These are semi and anti joins, which DuckDB
-- carries out within the memory it may use, spilling the rest.

-- Rows of earlier imports that are in this one with other cells.
INSERT INTO dropped
SELECT old_row.row_key, old_row.content
FROM old_row
SEMI JOIN seen ON old_row.row_key = seen.row_key
ANTI JOIN refused ON old_row.row_key = refused.row_key
ANTI JOIN seen AS same ON old_row.row_key = same.row_key AND old_row.content = same.content;

INSERT INTO retired
SELECT dropped.row_key, dropped.content
FROM dropped
ANTI JOIN ambiguous ON dropped.row_key = ambiguous.row_key;

INSERT INTO to_send
SELECT staged.*
FROM staged
ANTI JOIN (
  SELECT unnest(event_ids) AS event_id
  FROM old_row
  WHERE content IS NOT NULL
) AS sent ON staged.event_id = sent.event_id;

-- Events of rows that do not stand any more, but for those that other rows tell of.
INSERT INTO fallen
SELECT told.event_id, told.subject_id
FROM (
  SELECT unnest(old_row.event_ids) AS event_id, old_row.subject_id
  FROM old_row
  SEMI JOIN retired ON old_row.row_key = retired.row_key AND old_row.content IS NOT DISTINCT FROM retired.content
) AS told
ANTI JOIN (
  SELECT unnest(event_ids) AS event_id
  FROM standing_after
) AS standing ON told.event_id = standing.event_id;
