-- Events of one case that happened at one moment, numbered in the order folding takes them: by sequence, then
-- id, then source. Where any other event stands, its time says alone.
WITH shared AS (
  SELECT
    subject_id,
    occurred_at
  FROM raw_event
  WHERE event_type LIKE 'gridrates.case.%'
  GROUP BY subject_id, occurred_at
  HAVING count(*) > 1
)

SELECT
  event.subject_id AS case_id,
  event.source AS source_id,
  event.event_id,
  row_number() OVER (
    PARTITION BY event.subject_id, event.occurred_at
    ORDER BY coalesce(event.sequence_no, 0), event.event_id, event.source
  ) AS tie_no
FROM raw_event AS event
INNER JOIN shared ON event.subject_id = shared.subject_id AND event.occurred_at = shared.occurred_at
WHERE event.event_type LIKE 'gridrates.case.%'
