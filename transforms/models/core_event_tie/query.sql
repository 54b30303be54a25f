-- Events of one case that happened at one moment, numbered in the order folding takes them: by sequence, then
-- id, then source. Where any other event stands, its time says alone; what was taken back stands nowhere.
WITH shared AS (
  SELECT
    raw_event.subject_id,
    raw_event.occurred_at
  FROM {{ standing_events() }}
  WHERE event_type LIKE 'gridrates.case.%'
  GROUP BY raw_event.subject_id, raw_event.occurred_at
  HAVING count(*) > 1
)

SELECT
  raw_event.subject_id AS case_id,
  raw_event.source AS source_id,
  raw_event.event_id,
  row_number() OVER (
    PARTITION BY raw_event.subject_id, raw_event.occurred_at
    ORDER BY coalesce(raw_event.sequence_no, 0), raw_event.event_id, raw_event.source
  ) AS tie_no
FROM {{ standing_events() }}
INNER JOIN shared
  ON raw_event.subject_id = shared.subject_id AND raw_event.occurred_at = shared.occurred_at
WHERE raw_event.event_type LIKE 'gridrates.case.%'
