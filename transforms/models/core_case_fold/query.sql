-- One row a case: everything its events say, folded; nothing judged yet.
--
-- Precedence where events contradict one another (each contradiction is named in `anomalies`):
--   * a void case stays void, whatever comes after;
--   * a failed check, or a visit that re-opens, undoes the handling and the closing before it: both
--     count again only when they are done again;
--   * a case declined and later filed counts as filed;
--   * a task signed for after it was handled stays handled.
WITH fold AS (
  SELECT
    case_id,
    count(*) AS event_count,
    min(occurred_at) AS first_event_at,
    max(occurred_at) AS last_event_at,
    {{ latest('work_type') }} AS work_type_said,
    {{ latest('category_system') }} AS category_system_said,
    {{ latest('unit_code') }} AS unit_code_said,
    {% for column in [
      'category_code', 'condition_no', 'channel', 'severity', 'grid_code', 'place_id', 'asset_id', 'tags',
      'merged_into', 'longitude', 'latitude', 'is_public_report', 'is_missed_report', 'is_valid', 'mediation'
    ] -%}
    {{ latest(column) }} AS {{ column }},
    {% endfor -%}
    min(occurred_at) FILTER (WHERE verb = 'reported') AS reported_at,
    min(occurred_at) FILTER (WHERE verb = 'accepted') AS accepted_at,
    max(occurred_at) FILTER (WHERE verb = 'verified') AS verified_at,
    max(occurred_at) FILTER (WHERE verb = 'declined') AS declined_at,
    min(occurred_at) FILTER (WHERE verb = 'filed') AS filed_at,
    min(occurred_at) FILTER (WHERE verb = 'dispatched') AS dispatched_at,
    min(occurred_at) FILTER (WHERE verb = 'signed') AS signed_at,
    min(occurred_at) FILTER (WHERE verb = 'handled') AS first_handled_at,
    max(occurred_at) FILTER (WHERE verb = 'handled') AS last_handled_at,
    max(event_order) FILTER (WHERE verb = 'handled') AS handled_order,
    max(occurred_at) FILTER (WHERE verb = 'checked') AS checked_at,
    max(occurred_at) FILTER (WHERE verb = 'closed') AS last_closed_at,
    max(event_order) FILTER (WHERE verb = 'closed') AS closed_order,
    max(occurred_at) FILTER (WHERE verb = 'voided') AS voided_at,
    max(occurred_at) FILTER (WHERE verb = 'self_disposed') AS self_disposed_at,
    max(occurred_at) FILTER (WHERE verb = 'extended') AS extended_at,
    min(occurred_at) FILTER (WHERE verb = 'supervised') AS supervised_at,
    max(occurred_at) FILTER (WHERE verb = 'exempted') AS exempted_at,
    max(event_order) FILTER (
      WHERE (verb = 'checked' AND outcome = 'failed') OR (verb = 'visited' AND is_reopened)
    ) AS undone_order,
    count(*) FILTER (WHERE verb = 'checked') AS check_count,
    count(*) FILTER (WHERE verb = 'checked' AND outcome = 'failed') AS failed_check_count,
    count(*) FILTER (WHERE verb = 'extended') AS extension_count,
    count(*) FILTER (WHERE verb = 'supervised') AS supervision_count,
    -- Whose step it was: of steps that count when first done, of who did them first.
    {% for verb in ['reported', 'accepted', 'filed', 'dispatched'] -%}
    arg_min(operator_id, event_order) FILTER (WHERE verb = '{{ verb }}') AS {{ verb }}_by,
    {% endfor -%}
    {% for verb in ['declined', 'closed'] -%}
    {{ latest('operator_id', "verb = '" ~ verb ~ "'") }} AS {{ verb }}_by,
    {% endfor -%}
    {{ latest('deadline_at', "verb = 'extended'") }} AS extended_deadline_at,
    {{ latest('deadline_at', "verb <> 'extended'") }} AS stated_deadline_at,
    {{ latest('closure_kind', "verb = 'closed'") }} AS closure_kind,
    arg_max(
      CASE
        WHEN verb = 'checked' THEN 'checked_' || outcome
        WHEN verb = 'verified' THEN 'verified_' || coalesce(outcome, 'confirmed')
        WHEN verb = 'visited' AND is_reopened THEN 'reopened'
        ELSE verb
      END,
      event_order
    ) FILTER (WHERE verb NOT IN ('extended', 'supervised', 'exempted')) AS last_step
  FROM core_case_event
  GROUP BY case_id
),

task AS (
  SELECT
    case_id,
    count(*) AS dispatch_count,
    count(returned_at) AS return_count,
    count(*) FILTER (WHERE is_redirected) AS redirect_count,
    CAST(sum(greatest(handled_count - 1, 0)) AS BIGINT) AS rehandled_count,
    max(unit_code) FILTER (WHERE next_task_no IS NULL) AS current_unit_code,
    min(signed_at) FILTER (WHERE signed_at < dispatched_at) AS signed_too_early_at,
    max(signed_at) FILTER (WHERE signed_at > handled_at) AS signed_too_late_at
  FROM (
    SELECT *, lead(task_no) OVER (PARTITION BY case_id ORDER BY task_no) AS next_task_no
    FROM core_dispatch_task
  ) AS numbered
  GROUP BY case_id
),

visit AS (
  SELECT
    case_id,
    count(*) AS visit_count,
    count(*) FILTER (WHERE is_valid_visit) AS valid_visit_count,
    min(visited_at) FILTER (WHERE is_valid_visit) AS first_valid_visit_at,
    max(visited_at) AS visited_at,
    arg_max(satisfaction, visit_no) FILTER (WHERE is_valid_visit AND satisfaction IS NOT NULL) AS satisfaction,
    arg_max(resolution, visit_no) FILTER (WHERE is_valid_visit AND resolution IS NOT NULL) AS resolution
  FROM core_visit
  GROUP BY case_id
)

-- Where an order of events matters, it is settled here, before any arithmetic on times.
SELECT
  fold.* EXCLUDE (
    work_type_said, category_system_said, unit_code_said, last_handled_at, handled_order, last_closed_at,
    closed_order, undone_order
  ),
  coalesce(fold.work_type_said, '{{ profile.default_work_type }}') AS work_type,
  coalesce(fold.category_system_said, '{{ default_category_system }}') AS category_system,
  coalesce(task.current_unit_code, fold.unit_code_said) AS unit_code,
  coalesce(task.dispatch_count, 0) AS dispatch_count,
  coalesce(task.return_count, 0) AS return_count,
  coalesce(task.redirect_count, 0) AS redirect_count,
  coalesce(task.rehandled_count, 0) AS rehandled_count,
  task.signed_too_early_at,
  task.signed_too_late_at,
  coalesce(visit.visit_count, 0) AS visit_count,
  coalesce(visit.valid_visit_count, 0) AS valid_visit_count,
  visit.first_valid_visit_at,
  visit.visited_at,
  visit.satisfaction,
  visit.resolution,
  coalesce(fold.filed_at, fold.dispatched_at) AS counted_from_at,
  CASE
    WHEN fold.undone_order IS NULL OR fold.handled_order > fold.undone_order
      THEN fold.last_handled_at
  END AS handled_at,
  CASE
    WHEN fold.undone_order IS NULL OR fold.closed_order > fold.undone_order
      THEN fold.last_closed_at
  END AS closed_at,
  fold.undone_order IS NOT NULL AND fold.closed_order < fold.undone_order AS is_reopened
FROM fold
LEFT JOIN task ON fold.case_id = task.case_id
LEFT JOIN visit ON fold.case_id = visit.case_id
