-- What this import found against what the imports before it sent. A key with several rows is added to, never
-- corrected: which of its rows followed which, nobody can say.
CREATE TABLE ambiguous AS
SELECT DISTINCT row_key
FROM (
  SELECT -1 AS run_no, row_key, content FROM seen
  UNION ALL
  SELECT run_no, row_key, content FROM kept.standing_row
  UNION ALL
  SELECT run_no, row_key, content FROM pending.standing_row
) AS told
GROUP BY run_no, row_key
HAVING count(DISTINCT content) > 1;

CREATE TABLE dropped AS
SELECT old_row.*
FROM old_row
WHERE old_row.row_key IN (SELECT row_key FROM seen)
  AND old_row.row_key NOT IN (SELECT row_key FROM refused)
  AND NOT EXISTS (
    SELECT 1
    FROM seen
    WHERE seen.row_key = old_row.row_key AND seen.content = old_row.content
  );

CREATE TABLE standing_after AS
SELECT run_no, row_key, content, subject_id, event_ids
FROM pending.standing_row
WHERE run_no = (SELECT run_no FROM this_run)
UNION
SELECT 0, row_key, content, subject_id, event_ids
FROM old_row
WHERE NOT EXISTS (
  SELECT 1
  FROM dropped
  WHERE dropped.row_key = old_row.row_key
    AND dropped.content IS NOT DISTINCT FROM old_row.content
    AND dropped.event_ids = old_row.event_ids
    AND dropped.row_key NOT IN (SELECT row_key FROM ambiguous)
);

CREATE TABLE to_send AS
SELECT staged.*
FROM staged
WHERE staged.event_id NOT IN (
  SELECT unnest(event_ids)
  FROM old_row
  WHERE content IS NOT NULL
);

CREATE TABLE to_retract AS
WITH candidate AS (
  SELECT DISTINCT unnest(event_ids) AS event_id, subject_id
  FROM dropped
  WHERE row_key NOT IN (SELECT row_key FROM ambiguous)
)

SELECT candidate.event_id, candidate.subject_id
FROM candidate
WHERE candidate.event_id NOT IN (SELECT unnest(event_ids) FROM standing_after);

INSERT INTO pending.retracted_event
SELECT this_run.run_no, to_retract.event_id
FROM to_retract
CROSS JOIN this_run;
