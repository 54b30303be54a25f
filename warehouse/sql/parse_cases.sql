-- Generated from the contract by `python -m warehouse.parse_sql`: change that module instead.
WITH decoded AS (
  SELECT n, s, from_json(s, '{"specversion": "JSON", "id": "VARCHAR", "source": "VARCHAR", "type": "VARCHAR", "subject": "VARCHAR", "time": "VARCHAR", "sequence": "VARCHAR", "data": {"grid_code": "VARCHAR", "unit_code": "VARCHAR", "tags": "VARCHAR", "place_id": "VARCHAR", "asset_id": "VARCHAR", "operator_role": "VARCHAR", "operator_id": "VARCHAR", "reason": "VARCHAR", "description": "VARCHAR", "longitude": "VARCHAR", "latitude": "VARCHAR", "work_type": "VARCHAR", "category_code": "VARCHAR", "category_system": "VARCHAR", "condition_no": "VARCHAR", "channel": "VARCHAR", "severity": "VARCHAR", "is_public_report": "VARCHAR", "is_missed_report": "VARCHAR", "is_valid": "VARCHAR", "deadline_at": "VARCHAR", "reporter_hash": "VARCHAR", "household_hash": "VARCHAR", "merged_into": "VARCHAR", "outcome": "VARCHAR", "issued_at": "VARCHAR", "task_id": "VARCHAR", "sign_deadline_at": "VARCHAR", "mediation": "VARCHAR", "closure_kind": "VARCHAR", "satisfaction": "VARCHAR", "satisfaction_score": "VARCHAR", "is_contacted": "VARCHAR", "resolution": "VARCHAR", "is_reopened": "VARCHAR", "resume_at": "VARCHAR"}}') AS e
  FROM payloads
), typed AS (
  SELECT *, try_cast(e.type AS type_of_cases) AS event_type
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
    e.data.work_type,
    e.data.category_code,
    e.data.category_system,
    e.data.condition_no,
    e.data.channel,
    e.data.severity,
    e.data.is_public_report,
    e.data.is_missed_report,
    e.data.is_valid,
    e.data.deadline_at,
    e.data.reporter_hash,
    e.data.household_hash,
    e.data.merged_into,
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
    CASE WHEN event_type = 'gridrates.case.suspended.v1' THEN e.data.resume_at END AS resume_at
  FROM typed
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
    CASE WHEN is_list(tags, s) THEN from_json(tags, '["VARCHAR"]') END AS tags,
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
    hash(source, event_id) AS id_hash,
    hash(s) AS payload_hash,
    coalesce(
      specversion = '"1.0"'
      AND event_type IS NOT NULL
      AND CASE WHEN coalesce(grid_code, unit_code, tags, place_id, asset_id, operator_role, operator_id, reason, description, longitude, latitude, work_type, category_code, category_system, condition_no, channel, severity, is_public_report, is_missed_report, is_valid, deadline_at, reporter_hash, household_hash, merged_into, outcome, issued_at, task_id, sign_deadline_at, mediation, closure_kind, satisfaction, satisfaction_score, is_contacted, resolution, is_reopened, resume_at) IS NULL THEN json_type(s, '$.data') = 'OBJECT' ELSE true END
      AND CASE WHEN strlen(s) >= 1000 THEN length(s) - length(translate(s, '[{', '')) < 500 ELSE true END
      AND are_codes(concat_ws('"', event_id, source, subject_id, grid_code, unit_code, place_id, asset_id, operator_role, operator_id, work_type, category_code, category_system, channel, severity, merged_into, task_id), s, (event_id IS NOT NULL)::INT + (source IS NOT NULL)::INT + (subject_id IS NOT NULL)::INT + (grid_code IS NOT NULL)::INT + (unit_code IS NOT NULL)::INT + (place_id IS NOT NULL)::INT + (asset_id IS NOT NULL)::INT + (operator_role IS NOT NULL)::INT + (operator_id IS NOT NULL)::INT + (work_type IS NOT NULL)::INT + (category_code IS NOT NULL)::INT + (category_system IS NOT NULL)::INT + (channel IS NOT NULL)::INT + (severity IS NOT NULL)::INT + (merged_into IS NOT NULL)::INT + (task_id IS NOT NULL)::INT, greatest(strlen(event_id), strlen(source), strlen(subject_id), strlen(grid_code), strlen(unit_code), strlen(place_id), strlen(asset_id), strlen(operator_role), strlen(operator_id), strlen(work_type), strlen(category_code), strlen(category_system), strlen(channel), strlen(severity), strlen(merged_into), strlen(task_id)))
      AND event_id IS NOT NULL
      AND source IS NOT NULL
      AND subject_id IS NOT NULL
      AND is_moment(occurred_at)
      AND CASE WHEN sequence_no IS NOT NULL THEN is_integer(sequence_no, 0, 999999999999999) ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.closed.v1' THEN CASE WHEN closure_kind IS NOT NULL THEN closure_kind = 'normal' OR closure_kind = 'forced' OR closure_kind = 'special' OR closure_kind = 'error' ELSE true END ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.dispatched.v1' THEN CASE WHEN sign_deadline_at IS NOT NULL THEN is_moment(sign_deadline_at) ELSE true END ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.handled.v1' OR event_type = 'gridrates.case.closed.v1' THEN CASE WHEN mediation IS NOT NULL THEN mediation = 'succeeded' OR mediation = 'failed' ELSE true END ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.dispatched.v1' THEN unit_code IS NOT NULL ELSE true END
      AND CASE WHEN tags IS NOT NULL THEN is_list(tags, s) ELSE true END
      AND CASE WHEN reason IS NOT NULL THEN is_text(reason) ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.returned.v1' OR event_type = 'gridrates.case.voided.v1' THEN reason IS NOT NULL ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.returned.v1' OR event_type = 'gridrates.case.voided.v1' THEN reason <> '' ELSE true END
      AND CASE WHEN description IS NOT NULL THEN is_text(description) ELSE true END
      AND CASE WHEN longitude IS NOT NULL THEN is_number(longitude, -180, 180) ELSE true END
      AND CASE WHEN latitude IS NOT NULL THEN is_number(latitude, -90, 90) ELSE true END
      AND CASE WHEN condition_no IS NOT NULL THEN is_integer(condition_no, 1, 99) ELSE true END
      AND CASE WHEN is_public_report IS NOT NULL THEN is_flag(is_public_report) ELSE true END
      AND CASE WHEN is_missed_report IS NOT NULL THEN is_flag(is_missed_report) ELSE true END
      AND CASE WHEN is_valid IS NOT NULL THEN is_flag(is_valid) ELSE true END
      AND CASE WHEN deadline_at IS NOT NULL THEN is_moment(deadline_at) ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.extended.v1' THEN deadline_at IS NOT NULL ELSE true END
      AND CASE WHEN reporter_hash IS NOT NULL THEN is_hash(reporter_hash) ELSE true END
      AND CASE WHEN household_hash IS NOT NULL THEN is_hash(household_hash) ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.suspended.v1' THEN CASE WHEN resume_at IS NOT NULL THEN is_moment(resume_at) ELSE true END ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.verified.v1' OR event_type = 'gridrates.case.checked.v1' THEN CASE WHEN issued_at IS NOT NULL THEN is_moment(issued_at) ELSE true END ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.verified.v1' OR event_type = 'gridrates.case.checked.v1' OR event_type = 'gridrates.case.visited.v1' THEN CASE WHEN outcome IS NOT NULL THEN CASE WHEN event_type = 'gridrates.case.verified.v1' THEN outcome = 'confirmed' OR outcome = 'refuted' WHEN event_type = 'gridrates.case.checked.v1' THEN outcome = 'passed' OR outcome = 'failed' WHEN event_type = 'gridrates.case.visited.v1' THEN outcome = 'valid' OR outcome = 'no_answer' OR outcome = 'refused' OR outcome = 'invalid' END ELSE true END AND CASE WHEN event_type = 'gridrates.case.checked.v1' THEN outcome IS NOT NULL ELSE true END ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.visited.v1' THEN CASE WHEN satisfaction IS NOT NULL THEN satisfaction = 'very_satisfied' OR satisfaction = 'satisfied' OR satisfaction = 'basically_satisfied' OR satisfaction = 'dissatisfied' OR satisfaction = 'very_dissatisfied' ELSE true END AND CASE WHEN satisfaction_score IS NOT NULL THEN is_number(satisfaction_score, -1000, 1000) ELSE true END AND CASE WHEN is_contacted IS NOT NULL THEN is_flag(is_contacted) ELSE true END AND CASE WHEN resolution IS NOT NULL THEN resolution = 'resolved' OR resolution = 'explained' OR resolution = 'unresolved' ELSE true END AND CASE WHEN is_reopened IS NOT NULL THEN is_flag(is_reopened) ELSE true END ELSE true END
    , false) AS is_sure
FROM texts;
