-- Generated from the contract by `python -m warehouse.parse_sql`: change that module instead.
WITH decoded AS (
  SELECT n, s, from_json(s, '{"specversion": "VARCHAR", "id": "VARCHAR", "source": "VARCHAR", "type": "VARCHAR", "subject": "VARCHAR", "time": "VARCHAR", "sequence": "VARCHAR", "data": {"grid_code": "VARCHAR", "unit_code": "VARCHAR", "task_id": "VARCHAR", "operator_role": "VARCHAR", "operator_id": "VARCHAR", "work_type": "VARCHAR", "category_code": "VARCHAR", "category_system": "VARCHAR", "channel": "VARCHAR", "reason": "VARCHAR", "description": "VARCHAR", "longitude": "VARCHAR", "latitude": "VARCHAR", "is_public_report": "VARCHAR", "deadline_at": "VARCHAR", "issued_at": "VARCHAR", "outcome": "VARCHAR", "closure_kind": "VARCHAR", "satisfaction": "VARCHAR"}}') AS e
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
    CASE WHEN event_type = 'gridrates.case.dispatched.v1' OR event_type = 'gridrates.case.signed.v1' OR event_type = 'gridrates.case.returned.v1' OR event_type = 'gridrates.case.handled.v1' THEN e.data.task_id END AS task_id,
    e.data.operator_role,
    e.data.operator_id,
    e.data.work_type,
    e.data.category_code,
    e.data.category_system,
    e.data.channel,
    e.data.reason,
    e.data.description,
    e.data.longitude,
    e.data.latitude,
    e.data.is_public_report,
    e.data.deadline_at,
    CASE WHEN event_type = 'gridrates.case.verified.v1' OR event_type = 'gridrates.case.checked.v1' THEN e.data.issued_at END AS issued_at,
    CASE WHEN event_type = 'gridrates.case.verified.v1' OR event_type = 'gridrates.case.checked.v1' OR event_type = 'gridrates.case.visited.v1' THEN e.data.outcome END AS outcome,
    CASE WHEN event_type = 'gridrates.case.closed.v1' THEN e.data.closure_kind END AS closure_kind,
    CASE WHEN event_type = 'gridrates.case.visited.v1' THEN e.data.satisfaction END AS satisfaction
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
    task_id,
    operator_role,
    operator_id,
    work_type,
    category_code,
    category_system,
    channel,
    reason,
    description,
    try_cast(longitude AS DOUBLE) AS longitude,
    try_cast(latitude AS DOUBLE) AS latitude,
    is_public_report = 'true' AS is_public_report,
    try_cast(deadline_at AS TIMESTAMPTZ) AS deadline_at,
    try_cast(issued_at AS TIMESTAMPTZ) AS issued_at,
    outcome,
    closure_kind,
    satisfaction,
    hash(source, event_id) AS id_hash,
    hash(s) AS payload_hash,
    coalesce(
      specversion = '1.0'
      AND event_type IS NOT NULL
      AND CASE WHEN coalesce(grid_code, unit_code, task_id, operator_role, operator_id, work_type, category_code, category_system, channel, reason, description, longitude, latitude, is_public_report, deadline_at, issued_at, outcome, closure_kind, satisfaction) IS NULL THEN json_type(s, '$.data') = 'OBJECT' ELSE true END
      AND CASE WHEN strlen(s) >= 1000 THEN length(s) - length(translate(s, '[{', '')) < 500 ELSE true END
      AND greatest(strlen(event_id), strlen(source), strlen(subject_id), strlen(grid_code), strlen(unit_code), strlen(task_id), strlen(operator_role), strlen(operator_id), strlen(work_type), strlen(category_code), strlen(category_system), strlen(channel)) <= 200
      AND event_id IS NOT NULL
      AND source IS NOT NULL
      AND subject_id IS NOT NULL
      AND is_moment(occurred_at)
      AND CASE WHEN sequence_no IS NOT NULL THEN is_integer(sequence_no, 0, 999999999999999) ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.closed.v1' THEN CASE WHEN closure_kind IS NOT NULL THEN closure_kind = 'normal' OR closure_kind = 'forced' OR closure_kind = 'special' OR closure_kind = 'error' ELSE true END ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.dispatched.v1' THEN unit_code IS NOT NULL ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.returned.v1' OR event_type = 'gridrates.case.voided.v1' THEN reason IS NOT NULL ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.returned.v1' OR event_type = 'gridrates.case.voided.v1' THEN reason <> '' ELSE true END
      AND CASE WHEN longitude IS NOT NULL THEN is_number(longitude, -180, 180) ELSE true END
      AND CASE WHEN latitude IS NOT NULL THEN is_number(latitude, -90, 90) ELSE true END
      AND CASE WHEN is_public_report IS NOT NULL THEN is_flag(is_public_report) ELSE true END
      AND CASE WHEN deadline_at IS NOT NULL THEN is_moment(deadline_at) ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.extended.v1' THEN deadline_at IS NOT NULL ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.verified.v1' OR event_type = 'gridrates.case.checked.v1' THEN CASE WHEN issued_at IS NOT NULL THEN is_moment(issued_at) ELSE true END ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.verified.v1' OR event_type = 'gridrates.case.checked.v1' OR event_type = 'gridrates.case.visited.v1' THEN CASE WHEN outcome IS NOT NULL THEN CASE WHEN event_type = 'gridrates.case.verified.v1' THEN outcome = 'confirmed' OR outcome = 'refuted' WHEN event_type = 'gridrates.case.checked.v1' THEN outcome = 'passed' OR outcome = 'failed' WHEN event_type = 'gridrates.case.visited.v1' THEN outcome = 'valid' OR outcome = 'no_answer' OR outcome = 'refused' OR outcome = 'invalid' END ELSE true END AND CASE WHEN event_type = 'gridrates.case.checked.v1' THEN outcome IS NOT NULL ELSE true END ELSE true END
      AND CASE WHEN event_type = 'gridrates.case.visited.v1' THEN CASE WHEN satisfaction IS NOT NULL THEN satisfaction = 'very_satisfied' OR satisfaction = 'satisfied' OR satisfaction = 'basically_satisfied' OR satisfaction = 'dissatisfied' OR satisfaction = 'very_dissatisfied' ELSE true END ELSE true END
    , false) AS is_sure
FROM texts;
