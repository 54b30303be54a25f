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
    min(CASE WHEN verb = 'reported' THEN occurred_at END) AS reported_at,
    min(CASE WHEN verb = 'accepted' THEN occurred_at END) AS accepted_at,
    max(CASE WHEN verb = 'verified' THEN occurred_at END) AS verified_at,
    max(CASE WHEN verb = 'declined' THEN occurred_at END) AS declined_at,
    min(CASE WHEN verb = 'filed' THEN occurred_at END) AS filed_at,
    min(CASE WHEN verb = 'dispatched' THEN occurred_at END) AS dispatched_at,
    min(CASE WHEN verb = 'signed' THEN occurred_at END) AS signed_at,
    min(CASE WHEN verb = 'handled' THEN occurred_at END) AS first_handled_at,
    max(CASE WHEN verb = 'handled' THEN occurred_at END) AS last_handled_at,
    max(CASE WHEN verb = 'handled' THEN event_order END) AS handled_order,
    max(CASE WHEN verb = 'checked' THEN occurred_at END) AS checked_at,
    max(CASE WHEN verb = 'closed' THEN occurred_at END) AS last_closed_at,
    max(CASE WHEN verb = 'closed' THEN event_order END) AS closed_order,
    max(CASE WHEN verb = 'voided' THEN occurred_at END) AS voided_at,
    max(CASE WHEN verb = 'self_disposed' THEN occurred_at END) AS self_disposed_at,
    max(CASE WHEN verb = 'extended' THEN occurred_at END) AS extended_at,
    min(CASE WHEN verb = 'supervised' THEN occurred_at END) AS supervised_at,
    max(CASE WHEN verb = 'exempted' THEN occurred_at END) AS exempted_at,
    max(
      CASE
        WHEN verb = 'checked' AND outcome = 'failed' THEN event_order
        WHEN verb = 'visited' AND is_reopened THEN event_order
      END
    ) AS undone_order,
    count(CASE WHEN verb = 'checked' THEN 1 END) AS check_count,
    count(CASE WHEN verb = 'checked' AND outcome = 'failed' THEN 1 END) AS failed_check_count,
    count(CASE WHEN verb = 'extended' THEN 1 END) AS extension_count,
    count(CASE WHEN verb = 'supervised' THEN 1 END) AS supervision_count,
    -- Whose step it was: of steps that count when first done, of who did them first.
    {% for verb in ['reported', 'accepted', 'filed', 'dispatched'] -%}
    arg_min(operator_id, CASE WHEN verb = '{{ verb }}' AND operator_id IS NOT NULL THEN event_order END) AS {{ verb }}_by,
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
      CASE WHEN verb NOT IN ('extended', 'supervised', 'exempted') THEN event_order END
    ) AS last_step
  FROM core_case_event
  GROUP BY case_id
),

task AS (
  SELECT
    case_id,
    count(*) AS dispatch_count,
    count(returned_at) AS return_count,
    count(CASE WHEN is_redirected THEN 1 END) AS redirect_count,
    CAST(sum(greatest(handled_count - 1, 0)) AS BIGINT) AS rehandled_count,
    max(CASE WHEN next_task_no IS NULL THEN unit_code END) AS current_unit_code,
    min(CASE WHEN signed_at < dispatched_at THEN signed_at END) AS signed_too_early_at,
    max(CASE WHEN signed_at > handled_at THEN signed_at END) AS signed_too_late_at
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
    count(CASE WHEN is_valid_visit THEN 1 END) AS valid_visit_count,
    min(CASE WHEN is_valid_visit THEN visited_at END) AS first_valid_visit_at,
    max(visited_at) AS visited_at,
    arg_max(satisfaction, CASE WHEN is_valid_visit AND satisfaction IS NOT NULL THEN visit_no END) AS satisfaction,
    arg_max(resolution, CASE WHEN is_valid_visit AND resolution IS NOT NULL THEN visit_no END) AS resolution
  FROM core_visit
  GROUP BY case_id
)

-- Where an order of events matters, it is settled here, before any arithmetic on times.
SELECT
  fold.* EXCLUDE (
    work_type_said, category_system_said, unit_code_said, last_handled_at, handled_order, last_closed_at,
    closed_order, undone_order
  ),
  coalesce(fold.work_type_said, {{ profile.default_work_type | text }}) AS work_type,
  coalesce(fold.category_system_said, {{ default_category_system | text }}) AS category_system,
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
