-- One row an activity (inspection, patrol, visit, meeting), as the latest event about it says.
SELECT
  subject_id AS activity_id,
  activity_kind,
  grid_code,
  unit_code,
  place_id,
  asset_id,
  tags,
  operator_role,
  operator_id,
  coalesce(started_at, occurred_at) AS started_at,
  coalesce(ended_at, occurred_at) AS ended_at,
  participant_count,
  household_count,
  person_count,
  problem_count,
  corrected_count,
  matter_raised_count,
  matter_settled_count,
  penalty_count,
  score,
  case_ids,
  coalesce(array_length(case_ids), 0) AS opened_case_count,
  {{ business_date('coalesce(started_at, occurred_at)') }} AS held_on
FROM {{ standing_events() }}
WHERE event_type = 'gridrates.activity.recorded.v1'
QUALIFY row_number() OVER (
  PARTITION BY subject_id ORDER BY occurred_at DESC, coalesce(sequence_no, 0) DESC, event_id DESC, source DESC
) = 1
