-- Generated from the contract by `python -m warehouse.parse_sql`: change that module instead.
WITH decoded AS (
  SELECT n, s, from_json(s, '{"specversion": "JSON", "id": "VARCHAR", "source": "VARCHAR", "type": "VARCHAR", "subject": "VARCHAR", "time": "VARCHAR", "sequence": "VARCHAR", "data": {"grid_code": "VARCHAR", "unit_code": "VARCHAR", "tags": "VARCHAR", "place_id": "VARCHAR", "asset_id": "VARCHAR", "operator_role": "VARCHAR", "operator_id": "VARCHAR", "reason": "VARCHAR", "description": "VARCHAR", "longitude": "VARCHAR", "latitude": "VARCHAR", "activity_kind": "VARCHAR", "started_at": "VARCHAR", "ended_at": "VARCHAR", "participant_count": "VARCHAR", "household_count": "VARCHAR", "person_count": "VARCHAR", "problem_count": "VARCHAR", "corrected_count": "VARCHAR", "matter_raised_count": "VARCHAR", "matter_settled_count": "VARCHAR", "penalty_count": "VARCHAR", "score": "VARCHAR", "case_ids": "VARCHAR", "project_kind": "VARCHAR", "stage": "VARCHAR", "quantity": "VARCHAR", "retracts": "VARCHAR"}}') AS e
  FROM payloads
), typed AS (
  SELECT *, try_cast(e.type AS type_of_others) AS event_type
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
    CASE WHEN event_type = 'gridrates.project.stage_changed.v1' THEN e.data.quantity END AS quantity,
    CASE WHEN event_type = 'gridrates.event.retracted.v1' THEN e.data.retracts END AS retracts
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
    CASE WHEN is_list(case_ids, s) THEN from_json(case_ids, '["VARCHAR"]') END AS case_ids,
    project_kind,
    stage,
    try_cast(quantity AS DOUBLE) AS quantity,
    retracts,
    hash(source, event_id) AS id_hash,
    hash(s) AS payload_hash,
    coalesce(
      specversion = '"1.0"'
      AND event_type IS NOT NULL
      AND CASE WHEN coalesce(grid_code, unit_code, tags, place_id, asset_id, operator_role, operator_id, reason, description, longitude, latitude, activity_kind, started_at, ended_at, participant_count, household_count, person_count, problem_count, corrected_count, matter_raised_count, matter_settled_count, penalty_count, score, case_ids, project_kind, stage, quantity, retracts) IS NULL THEN json_type(s, '$.data') = 'OBJECT' ELSE true END
      AND CASE WHEN strlen(s) >= 1000 THEN length(s) - length(translate(s, '[{', '')) < 500 ELSE true END
      AND are_codes(concat_ws('"', event_id, source, subject_id, grid_code, unit_code, place_id, asset_id, operator_role, operator_id, activity_kind, project_kind, stage, retracts), s, (event_id IS NOT NULL)::INT + (source IS NOT NULL)::INT + (subject_id IS NOT NULL)::INT + (grid_code IS NOT NULL)::INT + (unit_code IS NOT NULL)::INT + (place_id IS NOT NULL)::INT + (asset_id IS NOT NULL)::INT + (operator_role IS NOT NULL)::INT + (operator_id IS NOT NULL)::INT + (activity_kind IS NOT NULL)::INT + (project_kind IS NOT NULL)::INT + (stage IS NOT NULL)::INT + (retracts IS NOT NULL)::INT, greatest(strlen(event_id), strlen(source), strlen(subject_id), strlen(grid_code), strlen(unit_code), strlen(place_id), strlen(asset_id), strlen(operator_role), strlen(operator_id), strlen(activity_kind), strlen(project_kind), strlen(stage), strlen(retracts)))
      AND event_id IS NOT NULL
      AND source IS NOT NULL
      AND subject_id IS NOT NULL
      AND is_moment(occurred_at)
      AND CASE WHEN sequence_no IS NOT NULL THEN is_integer(sequence_no, 0, 999999999999999) ELSE true END
      AND CASE WHEN event_type = 'gridrates.activity.recorded.v1' THEN activity_kind IS NOT NULL AND CASE WHEN started_at IS NOT NULL THEN is_moment(started_at) ELSE true END AND CASE WHEN ended_at IS NOT NULL THEN is_moment(ended_at) ELSE true END AND CASE WHEN participant_count IS NOT NULL THEN is_integer(participant_count, 0, 1000000000) ELSE true END AND CASE WHEN household_count IS NOT NULL THEN is_integer(household_count, 0, 1000000000) ELSE true END AND CASE WHEN person_count IS NOT NULL THEN is_integer(person_count, 0, 1000000000) ELSE true END AND CASE WHEN problem_count IS NOT NULL THEN is_integer(problem_count, 0, 1000000000) ELSE true END AND CASE WHEN corrected_count IS NOT NULL THEN is_integer(corrected_count, 0, 1000000000) ELSE true END AND CASE WHEN matter_raised_count IS NOT NULL THEN is_integer(matter_raised_count, 0, 1000000000) ELSE true END AND CASE WHEN matter_settled_count IS NOT NULL THEN is_integer(matter_settled_count, 0, 1000000000) ELSE true END AND CASE WHEN penalty_count IS NOT NULL THEN is_integer(penalty_count, 0, 1000000000) ELSE true END AND CASE WHEN score IS NOT NULL THEN is_number(score, -1000, 1000) ELSE true END AND CASE WHEN case_ids IS NOT NULL THEN is_list(case_ids, s) ELSE true END ELSE true END
      AND CASE WHEN tags IS NOT NULL THEN is_list(tags, s) ELSE true END
      AND CASE WHEN reason IS NOT NULL THEN is_text(reason) ELSE true END
      AND CASE WHEN description IS NOT NULL THEN is_text(description) ELSE true END
      AND CASE WHEN longitude IS NOT NULL THEN is_number(longitude, -180, 180) ELSE true END
      AND CASE WHEN latitude IS NOT NULL THEN is_number(latitude, -90, 90) ELSE true END
      AND CASE WHEN event_type = 'gridrates.event.retracted.v1' THEN retracts IS NOT NULL ELSE true END
      AND CASE WHEN event_type = 'gridrates.project.stage_changed.v1' THEN project_kind IS NOT NULL AND stage IS NOT NULL AND CASE WHEN quantity IS NOT NULL THEN is_number(quantity, 0, 1000000000000.0) ELSE true END ELSE true END
    , false) AS is_sure
FROM texts;
