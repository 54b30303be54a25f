-- What an import notes about itself, and what the imports before it are known to have sent. `kept` is the
-- memory of the last import that came to its end; `pending` of those since that did not, and of this one. An
-- import of the whole trusts neither to have been received.
CREATE TABLE seen (row_key UBIGINT, content UBIGINT);

CREATE TABLE refused (row_key UBIGINT);

CREATE TABLE staged (place BIGINT, row_no BIGINT, subject BLOB, event_id UUID, event BLOB);

CREATE TABLE this_run AS
SELECT coalesce(max(run_no), 0) + 1 AS run_no, FALSE AS is_whole
FROM (
  SELECT run_no FROM pending.standing_row
  UNION ALL
  SELECT run_no FROM pending.retracted_event
);

-- Retractions of imports that did not come to their end: they were sent, or not.
CREATE TABLE unsure AS
SELECT DISTINCT event_id FROM pending.retracted_event;

CREATE TABLE retracted AS
SELECT event_id FROM kept.retracted_event
UNION
SELECT event_id FROM unsure;

CREATE VIEW old_row AS
SELECT
  0 AS run_no,
  row_key,
  CASE
    WHEN NOT (SELECT is_whole FROM this_run)
      AND NOT list_has_any(event_ids, (SELECT coalesce(list(event_id), []) FROM unsure))
      THEN content
  END AS content,
  subject_id,
  event_ids
FROM kept.standing_row
UNION ALL
SELECT run_no, row_key, NULL, subject_id, event_ids
FROM pending.standing_row
WHERE run_no < (SELECT run_no FROM this_run);

-- What a comparison finds; `content` is empty of rows whose events are not sure to have been sent.
CREATE TABLE ambiguous (row_key UBIGINT);

CREATE TABLE dropped (row_key UBIGINT, content UBIGINT);

CREATE TABLE retired (row_key UBIGINT, content UBIGINT);

CREATE TABLE fallen (event_id UUID, subject_id VARCHAR);

CREATE TABLE to_send (place BIGINT, row_no BIGINT, subject BLOB, event_id UUID, event BLOB);

CREATE TABLE to_retract (event_id UUID, subject_id VARCHAR);

CREATE VIEW standing_after AS
SELECT row_key, content, subject_id, event_ids
FROM pending.standing_row
WHERE run_no = (SELECT run_no FROM this_run)
UNION ALL
SELECT old_row.row_key, old_row.content, old_row.subject_id, old_row.event_ids
FROM old_row
ANTI JOIN retired ON old_row.row_key = retired.row_key AND old_row.content IS NOT DISTINCT FROM retired.content;
