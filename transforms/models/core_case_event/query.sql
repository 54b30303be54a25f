-- Case events in the order that folding uses: time, then sequence, then id. Order of arrival means nothing.
-- Landing has already refused what is malformed and dropped what came twice. An event that was taken back
-- stays in `raw_event` and is none here.
SELECT
  subject_id AS case_id,
  split_part(event_type, '.', 3) AS verb,
  -- Microseconds and, behind them, 32 bits of room for the place among the events of one moment.
  CAST(epoch_us(occurred_at) AS HUGEINT) * 4294967296 + coalesce(tie.tie_no, 0) AS event_order,
  occurred_at,
  coalesce(sequence_no, 0) AS sequence_no,
  raw_event.event_id,
  source AS source_id,
  work_type,
  category_system,
  category_code,
  condition_no,
  channel,
  severity,
  grid_code,
  unit_code,
  place_id,
  asset_id,
  tags,
  is_public_report,
  is_missed_report,
  is_valid,
  deadline_at,
  merged_into,
  task_id,
  outcome,
  issued_at,
  sign_deadline_at,
  mediation,
  closure_kind,
  satisfaction,
  satisfaction_score,
  is_contacted,
  resolution,
  is_reopened,
  resume_at,
  operator_role,
  operator_id,
  reason,
  longitude,
  latitude,
  batch_id,
  landed_at
FROM {{ standing_events() }}
LEFT JOIN core_event_tie AS tie
  ON raw_event.subject_id = tie.case_id
    AND raw_event.event_id = tie.event_id
    AND raw_event.source = tie.source_id
WHERE event_type LIKE 'gridrates.case.%'
