-- Generated from the contract by `python -m warehouse.parse_sql`: change that module instead.
WITH decoded AS (
  SELECT n, s, from_json(s, '{"specversion": "JSON", "id": "VARCHAR", "source": "VARCHAR", "type": "VARCHAR", "subject": "VARCHAR", "time": "VARCHAR", "sequence": "VARCHAR", "data": {"grid_code": "VARCHAR", "unit_code": "VARCHAR", "tags": "VARCHAR", "place_id": "VARCHAR", "asset_id": "VARCHAR", "operator_role": "VARCHAR", "operator_id": "VARCHAR", "reason": "VARCHAR", "description": "VARCHAR", "longitude": "VARCHAR", "latitude": "VARCHAR", "work_type": "VARCHAR", "category_code": "VARCHAR", "category_system": "VARCHAR", "condition_no": "VARCHAR", "channel": "VARCHAR", "severity": "VARCHAR", "is_public_report": "VARCHAR", "is_missed_report": "VARCHAR", "is_valid": "VARCHAR", "deadline_at": "VARCHAR", "reporter_hash": "VARCHAR", "household_hash": "VARCHAR", "merged_into": "VARCHAR", "outcome": "VARCHAR", "issued_at": "VARCHAR", "task_id": "VARCHAR", "sign_deadline_at": "VARCHAR", "mediation": "VARCHAR", "closure_kind": "VARCHAR", "satisfaction": "VARCHAR", "satisfaction_score": "VARCHAR", "is_contacted": "VARCHAR", "resolution": "VARCHAR", "is_reopened": "VARCHAR", "resume_at": "VARCHAR", "activity_kind": "VARCHAR", "started_at": "VARCHAR", "ended_at": "VARCHAR", "participant_count": "VARCHAR", "household_count": "VARCHAR", "person_count": "VARCHAR", "problem_count": "VARCHAR", "corrected_count": "VARCHAR", "matter_raised_count": "VARCHAR", "matter_settled_count": "VARCHAR", "penalty_count": "VARCHAR", "score": "VARCHAR", "case_ids": "VARCHAR", "project_kind": "VARCHAR", "stage": "VARCHAR", "quantity": "VARCHAR"}}') AS e
  FROM payloads
), typed AS (
  SELECT *, try_cast(e.type AS event_type) AS event_type
  FROM decoded
), texts AS (
  SELECT
    n,
    s,
    e.specversion,
    event_type,
    e.id AS event_id,
    e.source AS source,
    e.subject AS subject_id,
    e.time AS occurred_at,
    e.sequence AS sequence_no,
    e.data.grid_code,
    e.data.unit_code,
    e.data.tags,
    e.data.place_id,
    e.data.asset_id,
    e.data.operator_role,
    e.data.operator_id,
    e.data.reason,
    e.data.description,
    e.data.longitude,
    e.data.latitude,
    CASE WHEN event_type <> 'gridrates.activity.recorded.v1' AND event_type <> 'gridrates.project.stage_changed.v1' THEN e.data.work_type END AS work_type,
    CASE WHEN event_type <> 'gridrates.activity.recorded.v1' AND event_type <> 'gridrates.project.stage_changed.v1' THEN e.data.category_code END AS category_code,
    CASE WHEN event_type <> 'gridrates.activity.recorded.v1' AND event_type <> 'gridrates.project.stage_changed.v1' THEN e.data.category_system END AS category_system,
    CASE WHEN event_type <> 'gridrates.activity.recorded.v1' AND event_type <> 'gridrates.project.stage_changed.v1' THEN e.data.condition_no END AS condition_no,
    CASE WHEN event_type <> 'gridrates.activity.recorded.v1' AND event_type <> 'gridrates.project.stage_changed.v1' THEN e.data.channel END AS channel,
    CASE WHEN event_type <> 'gridrates.activity.recorded.v1' AND event_type <> 'gridrates.project.stage_changed.v1' THEN e.data.severity END AS severity,
    CASE WHEN event_type <> 'gridrates.activity.recorded.v1' AND event_type <> 'gridrates.project.stage_changed.v1' THEN e.data.is_public_report END AS is_public_report,
    CASE WHEN event_type <> 'gridrates.activity.recorded.v1' AND event_type <> 'gridrates.project.stage_changed.v1' THEN e.data.is_missed_report END AS is_missed_report,
    CASE WHEN event_type <> 'gridrates.activity.recorded.v1' AND event_type <> 'gridrates.project.stage_changed.v1' THEN e.data.is_valid END AS is_valid,
    CASE WHEN event_type <> 'gridrates.activity.recorded.v1' AND event_type <> 'gridrates.project.stage_changed.v1' THEN e.data.deadline_at END AS deadline_at,
    CASE WHEN event_type <> 'gridrates.activity.recorded.v1' AND event_type <> 'gridrates.project.stage_changed.v1' THEN e.data.reporter_hash END AS reporter_hash,
    CASE WHEN event_type <> 'gridrates.activity.recorded.v1' AND event_type <> 'gridrates.project.stage_changed.v1' THEN e.data.household_hash END AS household_hash,
    CASE WHEN event_type <> 'gridrates.activity.recorded.v1' AND event_type <> 'gridrates.project.stage_changed.v1' THEN e.data.merged_into END AS merged_into,
    CASE WHEN event_type = 'gridrates.case.verified.v1' OR event_type = 'gridrates.case.checked.v1' OR event_type = 'gridrates.case.visited.v1' THEN e.data.outcome END AS outcome,
    CASE WHEN event_type = 'gridrates.case.verified.v1' OR event_type = 'gridrates.case.checked.v1' THEN e.data.issued_at END AS issued_at,
    CASE WHEN event_type = 'gridrates.case.dispatched.v1' OR event_type = 'gridrates.case.signed.v1' OR event_type = 'gridrates.case.returned.v1' OR event_type = 'gridrates.case.handled.v1' THEN e.data.task_id END AS task_id,
    CASE WHEN event_type = 'gridrates.case.dispatched.v1' THEN e.data.sign_deadline_at END AS sign_deadline_at,
    CASE WHEN event_type = 'gridrates.case.handled.v1' OR event_type = 'gridrates.case.closed.v1' THEN e.data.mediation END AS mediation,
    CASE WHEN event_type = 'gridrates.case.closed.v1' THEN e.data.closure_kind END AS closure_kind,
    CASE WHEN event_type = 'gridrates.case.visited.v1' THEN e.data.satisfaction END AS satisfaction,
    CASE WHEN event_type = 'gridrates.case.visited.v1' THEN e.data.satisfaction_score END AS satisfaction_score,
    CASE WHEN event_type = 'gridrates.case.visited.v1' THEN e.data.is_contacted END AS is_contacted,
    CASE WHEN event_type = 'gridrates.case.visited.v1' THEN e.data.resolution END AS resolution,
    CASE WHEN event_type = 'gridrates.case.visited.v1' THEN e.data.is_reopened END AS is_reopened,
    CASE WHEN event_type = 'gridrates.case.suspended.v1' THEN e.data.resume_at END AS resume_at,
    CASE WHEN event_type = 'gridrates.activity.recorded.v1' THEN e.data.activity_kind END AS activity_kind,
    CASE WHEN event_type = 'gridrates.activity.recorded.v1' THEN e.data.started_at END AS started_at,
    CASE WHEN event_type = 'gridrates.activity.recorded.v1' THEN e.data.ended_at END AS ended_at,
    CASE WHEN event_type = 'gridrates.activity.recorded.v1' THEN e.data.participant_count END AS participant_count,
    CASE WHEN event_type = 'gridrates.activity.recorded.v1' THEN e.data.household_count END AS household_count,
    CASE WHEN event_type = 'gridrates.activity.recorded.v1' THEN e.data.person_count END AS person_count,
    CASE WHEN event_type = 'gridrates.activity.recorded.v1' THEN e.data.problem_count END AS problem_count,
    CASE WHEN event_type = 'gridrates.activity.recorded.v1' THEN e.data.corrected_count END AS corrected_count,
    CASE WHEN event_type = 'gridrates.activity.recorded.v1' THEN e.data.matter_raised_count END AS matter_raised_count,
    CASE WHEN event_type = 'gridrates.activity.recorded.v1' THEN e.data.matter_settled_count END AS matter_settled_count,
    CASE WHEN event_type = 'gridrates.activity.recorded.v1' THEN e.data.penalty_count END AS penalty_count,
    CASE WHEN event_type = 'gridrates.activity.recorded.v1' THEN e.data.score END AS score,
    CASE WHEN event_type = 'gridrates.activity.recorded.v1' THEN e.data.case_ids END AS case_ids,
    CASE WHEN event_type = 'gridrates.project.stage_changed.v1' THEN e.data.project_kind END AS project_kind,
    CASE WHEN event_type = 'gridrates.project.stage_changed.v1' THEN e.data.stage END AS stage,
    CASE WHEN event_type = 'gridrates.project.stage_changed.v1' THEN e.data.quantity END AS quantity
  FROM typed
), joined AS (
  SELECT *, concat_ws('"', event_id, source, subject_id, grid_code, unit_code, place_id, asset_id, operator_role, operator_id, work_type, category_code, category_system, channel, severity, merged_into, task_id, activity_kind, project_kind, stage) AS codes
  FROM texts
)
SELECT
    n,
    event_id,
    source,
    event_type,
    subject_id,
    try_cast(occurred_at AS TIMESTAMPTZ) AS occurred_at,
    try_cast(sequence_no AS BIGINT) AS sequence_no,
    grid_code,
    unit_code,
    CASE WHEN is_codes(tags, s) THEN from_json(tags, '["VARCHAR"]') END AS tags,
    place_id,
    asset_id,
    operator_role,
    operator_id,
    reason,
    description,
    try_cast(longitude AS DOUBLE) AS longitude,
    try_cast(latitude AS DOUBLE) AS latitude,
    work_type,
    category_code,
    category_system,
    try_cast(condition_no AS BIGINT) AS condition_no,
    channel,
    severity,
    is_public_report = 'true' AS is_public_report,
    is_missed_report = 'true' AS is_missed_report,
    is_valid = 'true' AS is_valid,
    try_cast(deadline_at AS TIMESTAMPTZ) AS deadline_at,
    reporter_hash,
    household_hash,
    merged_into,
    outcome,
    try_cast(issued_at AS TIMESTAMPTZ) AS issued_at,
    task_id,
    try_cast(sign_deadline_at AS TIMESTAMPTZ) AS sign_deadline_at,
    mediation,
    closure_kind,
    satisfaction,
    try_cast(satisfaction_score AS DOUBLE) AS satisfaction_score,
    is_contacted = 'true' AS is_contacted,
    resolution,
    is_reopened = 'true' AS is_reopened,
    try_cast(resume_at AS TIMESTAMPTZ) AS resume_at,
    activity_kind,
    try_cast(started_at AS TIMESTAMPTZ) AS started_at,
    try_cast(ended_at AS TIMESTAMPTZ) AS ended_at,
    try_cast(participant_count AS BIGINT) AS participant_count,
    try_cast(household_count AS BIGINT) AS household_count,
    try_cast(person_count AS BIGINT) AS person_count,
    try_cast(problem_count AS BIGINT) AS problem_count,
    try_cast(corrected_count AS BIGINT) AS corrected_count,
    try_cast(matter_raised_count AS BIGINT) AS matter_raised_count,
    try_cast(matter_settled_count AS BIGINT) AS matter_settled_count,
    try_cast(penalty_count AS BIGINT) AS penalty_count,
    try_cast(score AS DOUBLE) AS score,
    CASE WHEN is_codes(case_ids, s) THEN from_json(case_ids, '["VARCHAR"]') END AS case_ids,
    project_kind,
    stage,
    try_cast(quantity AS DOUBLE) AS quantity,
    hash(source, event_id) AS id_hash,
    hash(s) AS payload_hash,
    coalesce(
      specversion = '"1.0"'
      AND event_type IS NOT NULL
      AND CASE WHEN coalesce(grid_code, unit_code, tags, place_id, asset_id, operator_role, operator_id, reason, description, longitude, latitude, work_type, category_code, category_system, condition_no, channel, severity, is_public_report, is_missed_report, is_valid, deadline_at, reporter_hash, household_hash, merged_into, outcome, issued_at, task_id, sign_deadline_at, mediation, closure_kind, satisfaction, satisfaction_score, is_contacted, resolution, is_reopened, resume_at, activity_kind, started_at, ended_at, participant_count, household_count, person_count, problem_count, corrected_count, matter_raised_count, matter_settled_count, penalty_count, score, case_ids, project_kind, stage, quantity) IS NULL THEN json_type(s, '$.data') = 'OBJECT' ELSE true END
      AND CASE WHEN strlen(s) >= 1000 THEN length(s) - length(translate(s, '[{', '')) < 500 ELSE true END
      AND is_code(event_id)
      AND is_code(source)
      AND is_code(subject_id)
      AND is_moment(occurred_at)
      AND (sequence_no IS NULL OR is_integer(sequence_no, 0, 999999999999999))
      AND NOT regexp_matches(codes, '(?:^|")[+-]?(?:[0-9]+(?:\.[0-9]+(?:e[+-]?[0-9]+)?|e[+-]?[0-9]+)|true|false|nan|inf|infinity)(?:"|$)', 'i')
      AND (grid_code IS NULL OR is_code(grid_code))
      AND (unit_code IS NULL OR is_code(unit_code))
      AND (unit_code IS NOT NULL OR (event_type <> 'gridrates.case.dispatched.v1'))
      AND (tags IS NULL OR is_codes(tags, s))
      AND (place_id IS NULL OR is_code(place_id))
      AND (asset_id IS NULL OR is_code(asset_id))
      AND (operator_role IS NULL OR is_code(operator_role))
      AND (operator_id IS NULL OR is_code(operator_id))
      AND (reason IS NULL OR is_text(reason))
      AND (reason IS NOT NULL OR (event_type <> 'gridrates.case.returned.v1' AND event_type <> 'gridrates.case.voided.v1'))
      AND (reason <> '' OR (event_type <> 'gridrates.case.returned.v1' AND event_type <> 'gridrates.case.voided.v1'))
      AND (description IS NULL OR is_text(description))
      AND (longitude IS NULL OR is_number(longitude, -180, 180))
      AND (latitude IS NULL OR is_number(latitude, -90, 90))
      AND (work_type IS NULL OR is_code(work_type))
      AND (category_code IS NULL OR is_code(category_code))
      AND (category_system IS NULL OR is_code(category_system))
      AND (condition_no IS NULL OR is_integer(condition_no, 1, 99))
      AND (channel IS NULL OR is_code(channel))
      AND (severity IS NULL OR is_code(severity))
      AND (is_public_report IS NULL OR is_flag(is_public_report))
      AND (is_missed_report IS NULL OR is_flag(is_missed_report))
      AND (is_valid IS NULL OR is_flag(is_valid))
      AND (deadline_at IS NULL OR is_moment(deadline_at))
      AND (deadline_at IS NOT NULL OR (event_type <> 'gridrates.case.extended.v1'))
      AND (reporter_hash IS NULL OR is_hash(reporter_hash))
      AND (household_hash IS NULL OR is_hash(household_hash))
      AND (merged_into IS NULL OR is_code(merged_into))
      AND (outcome IS NULL OR CASE WHEN event_type = 'gridrates.case.verified.v1' THEN outcome = 'confirmed' OR outcome = 'refuted' WHEN event_type = 'gridrates.case.checked.v1' THEN outcome = 'passed' OR outcome = 'failed' WHEN event_type = 'gridrates.case.visited.v1' THEN outcome = 'valid' OR outcome = 'no_answer' OR outcome = 'refused' OR outcome = 'invalid' END)
      AND (outcome IS NOT NULL OR (event_type <> 'gridrates.case.checked.v1'))
      AND (issued_at IS NULL OR is_moment(issued_at))
      AND (task_id IS NULL OR is_code(task_id))
      AND (sign_deadline_at IS NULL OR is_moment(sign_deadline_at))
      AND (mediation IS NULL OR mediation = 'succeeded' OR mediation = 'failed')
      AND (closure_kind IS NULL OR closure_kind = 'normal' OR closure_kind = 'forced' OR closure_kind = 'special' OR closure_kind = 'error')
      AND (satisfaction IS NULL OR satisfaction = 'very_satisfied' OR satisfaction = 'satisfied' OR satisfaction = 'basically_satisfied' OR satisfaction = 'dissatisfied' OR satisfaction = 'very_dissatisfied')
      AND (satisfaction_score IS NULL OR is_number(satisfaction_score, -1000, 1000))
      AND (is_contacted IS NULL OR is_flag(is_contacted))
      AND (resolution IS NULL OR resolution = 'resolved' OR resolution = 'explained' OR resolution = 'unresolved')
      AND (is_reopened IS NULL OR is_flag(is_reopened))
      AND (resume_at IS NULL OR is_moment(resume_at))
      AND (activity_kind IS NULL OR is_code(activity_kind))
      AND (activity_kind IS NOT NULL OR (event_type <> 'gridrates.activity.recorded.v1'))
      AND (started_at IS NULL OR is_moment(started_at))
      AND (ended_at IS NULL OR is_moment(ended_at))
      AND (participant_count IS NULL OR is_integer(participant_count, 0, 1000000000))
      AND (household_count IS NULL OR is_integer(household_count, 0, 1000000000))
      AND (person_count IS NULL OR is_integer(person_count, 0, 1000000000))
      AND (problem_count IS NULL OR is_integer(problem_count, 0, 1000000000))
      AND (corrected_count IS NULL OR is_integer(corrected_count, 0, 1000000000))
      AND (matter_raised_count IS NULL OR is_integer(matter_raised_count, 0, 1000000000))
      AND (matter_settled_count IS NULL OR is_integer(matter_settled_count, 0, 1000000000))
      AND (penalty_count IS NULL OR is_integer(penalty_count, 0, 1000000000))
      AND (score IS NULL OR is_number(score, -1000, 1000))
      AND (case_ids IS NULL OR is_codes(case_ids, s))
      AND (project_kind IS NULL OR is_code(project_kind))
      AND (project_kind IS NOT NULL OR (event_type <> 'gridrates.project.stage_changed.v1'))
      AND (stage IS NULL OR is_code(stage))
      AND (stage IS NOT NULL OR (event_type <> 'gridrates.project.stage_changed.v1'))
      AND (quantity IS NULL OR is_number(quantity, 0, 1000000000000.0))
    , false) AS is_sure
FROM joined;
