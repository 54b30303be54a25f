-- One row a case: everything its events say, folded.
--
-- Precedence where events contradict one another (each contradiction is named in `anomalies`):
--   * a void case stays void, whatever comes after;
--   * a failed check, or a visit that re-opens, undoes the handling and the closing before it: both
--     count again only when they are done again;
--   * a case declined and later filed counts as filed.
WITH fold AS (
  SELECT
    case_id,
    count(*) AS event_count,
    min(occurred_at) AS first_event_at,
    max(occurred_at) AS last_event_at,
    max(batch_id) AS last_batch_id,
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
    max(event_order) FILTER (WHERE verb = 'handled') AS handled_order,
    max(occurred_at) FILTER (WHERE verb = 'checked') AS checked_at,
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
  WHERE {{ touched('case_id') }}
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
    min(signed_at) FILTER (WHERE signed_at < dispatched_at) AS signed_too_early_at
  FROM (
    SELECT *, lead(task_no) OVER (PARTITION BY case_id ORDER BY task_no) AS next_task_no
    FROM core_dispatch_task
    WHERE {{ touched('case_id') }}
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
  WHERE {{ touched('case_id') }}
  GROUP BY case_id
),

-- Where an order of events matters, it is settled here, before any arithmetic on times.
settled AS (
  SELECT
    fold.*,
    coalesce(fold.work_type_said, '{{ profile.default_work_type }}') AS work_type,
    coalesce(fold.category_system_said, '{{ default_category_system }}') AS category_system,
    coalesce(task.current_unit_code, fold.unit_code_said) AS unit_code,
    coalesce(task.dispatch_count, 0) AS dispatch_count,
    coalesce(task.return_count, 0) AS return_count,
    coalesce(task.redirect_count, 0) AS redirect_count,
    coalesce(task.rehandled_count, 0) AS rehandled_count,
    task.signed_too_early_at,
    coalesce(visit.visit_count, 0) AS visit_count,
    coalesce(visit.valid_visit_count, 0) AS valid_visit_count,
    visit.first_valid_visit_at,
    visit.visited_at,
    visit.satisfaction,
    visit.resolution,
    coalesce(fold.filed_at, fold.dispatched_at) AS counted_from_at,
    CASE
      WHEN fold.undone_order IS NULL OR fold.handled_order > fold.undone_order
        THEN struct_extract(fold.handled_order, 'occurred_at')
    END AS handled_at,
    CASE
      WHEN fold.undone_order IS NULL OR fold.closed_order > fold.undone_order
        THEN struct_extract(fold.closed_order, 'occurred_at')
    END AS closed_at,
    fold.undone_order IS NOT NULL AND fold.closed_order < fold.undone_order AS is_reopened
  FROM fold
  LEFT JOIN task ON fold.case_id = task.case_id
  LEFT JOIN visit ON fold.case_id = visit.case_id
),

-- The limit of the category under its filing condition; else of the category, of the work type, of all.
limited AS (
  SELECT
    settled.*,
    coalesce(settled.extended_deadline_at, settled.stated_deadline_at) AS explicit_deadline_at,
    coalesce(by_condition.amount, by_category.amount, by_work_type.amount, by_default.amount) AS limit_amount,
    coalesce(by_condition.unit, by_category.unit, by_work_type.unit, by_default.unit) AS limit_unit
  FROM settled
  LEFT JOIN core_limit AS by_condition
    ON by_condition.scope = 'condition'
      AND by_condition.category_system = settled.category_system
      AND by_condition.category_code = settled.category_code
      AND by_condition.condition_no = settled.condition_no
  LEFT JOIN core_limit AS by_category
    ON by_category.scope = 'category'
      AND by_category.category_system = settled.category_system
      AND by_category.category_code = settled.category_code
  LEFT JOIN core_limit AS by_work_type
    ON by_work_type.scope = 'work_type' AND by_work_type.work_type = settled.work_type
  LEFT JOIN core_limit AS by_default ON by_default.scope = 'default'
),

-- Pauses push the deadline; those an extension already knew of do not push it again.
paused AS (
  SELECT
    pause.case_id,
    count(*) AS suspension_count,
    bool_or(pause.resumed_at IS NULL) AS is_suspended,
    min(pause.suspended_at) AS suspended_at,
    max(pause.resumed_at) AS resumed_at,
    CAST(
      sum(CASE WHEN pause.suspended_at < limited.extended_at THEN 0 ELSE pause.paused_micros END) AS BIGINT
    ) AS paused_micros,
    CAST(
      sum(CASE WHEN pause.suspended_at < limited.extended_at THEN 0 ELSE pause.paused_working_micros END) AS BIGINT
    ) AS paused_working_micros
  FROM core_suspension AS pause
  INNER JOIN limited ON pause.case_id = limited.case_id
  GROUP BY pause.case_id
),

clocked AS (
  SELECT
    limited.*,
    coalesce(paused.suspension_count, 0) AS suspension_count,
    coalesce(paused.is_suspended, FALSE) AS is_suspended,
    paused.suspended_at,
    paused.resumed_at,
    coalesce(paused.paused_micros, 0) AS paused_micros,
    coalesce(paused.paused_working_micros, 0) AS paused_working_micros,
    coalesce(limited.explicit_deadline_at, limited.counted_from_at) AS anchor_at,
    CASE
      WHEN limited.explicit_deadline_at IS NOT NULL THEN 0
      {%- for unit, micros in unit_micros.items() %}
      WHEN limited.limit_unit = '{{ unit }}' THEN CAST(limited.limit_amount * {{ micros }} AS BIGINT)
      {%- endfor %}
      WHEN limited.limit_unit = 'working_hour' THEN CAST(limited.limit_amount * {{ hour_micros }} AS BIGINT)
      WHEN limited.limit_unit = 'working_day' THEN CAST(limited.limit_amount * clock_from.day_micros AS BIGINT)
    END AS limit_micros,
    limited.limit_unit LIKE 'working%'
      AND (limited.explicit_deadline_at IS NULL OR coalesce(paused.paused_micros, 0) > 0) AS is_on_working_clock,
    {{ worked('clock_from', 'coalesce(limited.explicit_deadline_at, limited.counted_from_at)') }} AS worked_micros,
    clock_from.calendar_date IS NOT NULL AS is_in_calendar
  FROM limited
  LEFT JOIN paused ON limited.case_id = paused.case_id
  {{ clock_at('clock_from', 'coalesce(limited.explicit_deadline_at, limited.counted_from_at)',
              "limited.limit_unit LIKE 'working%'") }}
),

due AS (
  SELECT
    clocked.*,
    CASE
      WHEN is_suspended THEN NULL
      WHEN is_on_working_clock
        THEN {{ instant_of('clock_to', '(worked_micros + limit_micros + paused_working_micros)') }}
      ELSE make_timestamptz(epoch_us(anchor_at) + limit_micros + paused_micros)
    END AS deadline_at,
    is_on_working_clock AND NOT is_suspended AND anchor_at IS NOT NULL
      AND clock_to.calendar_date IS NULL AS is_beyond_calendar
  FROM clocked
  {{ clock_reaches('clock_to', '(clocked.worked_micros + clocked.limit_micros + clocked.paused_working_micros)') }}
    AND clocked.is_on_working_clock
),

desk AS (
  SELECT
    due.*,
    {{ desk_deadline('file', 'due.reported_at') }} AS filing_deadline_at,
    {{ desk_deadline('dispatch', 'due.filed_at') }} AS dispatch_deadline_at,
    {{ desk_deadline('close', 'coalesce(due.checked_at, due.handled_at)') }} AS closing_deadline_at,
    {{ desk_deadline('visit', 'due.closed_at') }} AS visit_deadline_at
  FROM due
  {{ desk_clock('file', 'due.reported_at') }}
  {{ desk_clock('dispatch', 'due.filed_at') }}
  {{ desk_clock('close', 'coalesce(due.checked_at, due.handled_at)') }}
  {{ desk_clock('visit', 'due.closed_at') }}
),

-- What counts as finished on time: the end of handling, or the closing; the profile chooses.
judged AS (
  SELECT
    desk.*,
    {% if profile.on_time_basis == 'handling' -%}
    least(handled_at, closed_at)
    {%- else -%}
    closed_at
    {%- endif %} AS finished_at,
    filed_at IS NOT NULL OR dispatched_at IS NOT NULL AS is_routed,
    CASE
      WHEN voided_at IS NOT NULL THEN 'void'
      WHEN declined_at IS NOT NULL AND filed_at IS NULL THEN 'declined'
      WHEN self_disposed_at IS NOT NULL AND filed_at IS NULL AND dispatched_at IS NULL THEN 'self_disposed'
      WHEN closed_at IS NOT NULL AND visited_at > closed_at THEN 'visited'
      WHEN closed_at IS NOT NULL THEN 'closed'
      WHEN is_suspended AND handled_at IS NULL THEN 'suspended'
      WHEN last_step IN ('checked_failed', 'reopened') THEN 'rework'
      WHEN last_step = 'checked_passed' THEN 'check_passed'
      WHEN last_step IN ('verified_confirmed', 'resumed') THEN
        CASE last_step WHEN 'resumed' THEN 'handling' ELSE 'accepted' END
      WHEN last_step = 'verified_refuted' THEN 'declined'
      ELSE last_step
    END AS state
  FROM desk
)

SELECT
  judged.case_id,
  work_type,
  category_system,
  category_code,
  condition_no,
  judged.channel,
  severity,
  judged.grid_code,
  coalesce(path.path_id, 'unassigned') AS grid_path_id,
  unit_code,
  place_id,
  asset_id,
  tags,
  merged_into,
  longitude,
  latitude,
  coalesce(is_public_report, core_channel.is_public, FALSE) AS is_public_report,
  coalesce(is_missed_report, FALSE) AS is_missed_report,
  coalesce(is_valid, TRUE) AS is_valid,
  reported_at,
  accepted_at,
  verified_at,
  declined_at,
  filed_at,
  dispatched_at,
  signed_at,
  first_handled_at,
  handled_at,
  checked_at,
  closed_at,
  closure_kind,
  visited_at,
  first_valid_visit_at,
  self_disposed_at,
  voided_at,
  supervised_at,
  exempted_at,
  extended_at,
  suspended_at,
  resumed_at,
  limit_amount,
  limit_unit,
  filing_deadline_at,
  dispatch_deadline_at,
  closing_deadline_at,
  visit_deadline_at,
  deadline_at,
  least(finished_at, deadline_at) AS due_at,
  finished_at,
  state,
  state NOT IN ('void', 'declined', 'self_disposed') AND is_routed AND merged_into IS NULL AS is_in_rates,
  is_suspended AND handled_at IS NULL AND closed_at IS NULL AS is_suspended,
  CASE
    WHEN finished_at IS NULL THEN NULL
    WHEN exempted_at IS NOT NULL THEN TRUE
    WHEN deadline_at IS NULL AND (is_beyond_calendar OR is_suspended) THEN NULL
    WHEN deadline_at IS NULL THEN {{ 'TRUE' if profile.without_limit == 'on_time' else 'NULL' }}
    ELSE finished_at <= deadline_at
  END AS is_on_time,
  satisfaction,
  resolution,
  mediation,
  event_count,
  dispatch_count,
  return_count,
  redirect_count,
  check_count,
  greatest(failed_check_count, rehandled_count) AS rework_count,
  extension_count,
  suspension_count,
  supervision_count,
  visit_count,
  valid_visit_count,
  paused_micros // 60000000 AS paused_minutes,
  is_reopened,
  is_beyond_calendar,
  list_filter(
    [
      CASE WHEN reported_at IS NULL THEN 'not_reported' END,
      CASE WHEN voided_at < last_event_at THEN 'events_after_void' END,
      CASE WHEN declined_at IS NOT NULL AND filed_at IS NOT NULL THEN 'declined_and_filed' END,
      CASE WHEN dispatched_at < filed_at THEN 'dispatched_before_filed' END,
      CASE WHEN signed_at IS NOT NULL AND dispatched_at IS NULL THEN 'signed_without_dispatch' END,
      CASE WHEN signed_too_early_at IS NOT NULL OR signed_at < dispatched_at THEN 'signed_before_dispatched' END,
      CASE WHEN first_handled_at < coalesce(dispatched_at, filed_at) THEN 'handled_before_dispatched' END,
      {% if profile.on_time_basis == 'handling' -%}
      CASE WHEN closed_at IS NOT NULL AND handled_at IS NULL THEN 'closed_without_handling' END,
      {% endif -%}
      CASE WHEN closed_at < handled_at THEN 'closed_before_handled' END,
      CASE WHEN closed_at < coalesce(filed_at, reported_at) THEN 'closed_before_filed' END,
      CASE WHEN first_event_at < reported_at THEN 'clock_backwards' END,
      CASE WHEN is_beyond_calendar THEN 'deadline_beyond_calendar' END
    ],
    flag -> flag IS NOT NULL
  ) AS anomalies,
  first_event_at,
  last_event_at,
  last_batch_id,
  {% for column in [
    'reported_at', 'accepted_at', 'verified_at', 'declined_at', 'filed_at', 'dispatched_at', 'handled_at',
    'closed_at', 'first_valid_visit_at', 'self_disposed_at', 'voided_at', 'supervised_at', 'extended_at',
    'suspended_at'
  ] -%}
  {{ business_date(column) }} AS {{ column | replace('_at', '_on') }},
  {% endfor -%}
  {{ business_date('least(filed_at, filing_deadline_at)') }} AS filing_due_on,
  {{ business_date('least(dispatched_at, dispatch_deadline_at)') }} AS dispatch_due_on,
  {{ business_date('least(closed_at, closing_deadline_at)') }} AS closing_due_on,
  {{ business_date('least(first_valid_visit_at, visit_deadline_at)') }} AS visit_due_on,
  {{ business_date('least(finished_at, deadline_at)') }} AS due_on
FROM judged
LEFT JOIN core_channel ON judged.channel = core_channel.channel
LEFT JOIN core_grid_path AS path
  ON judged.grid_code = path.grid_code
    AND path.valid_from <= {{ local_date('coalesce(filed_at, reported_at, first_event_at)') }}
    AND {{ local_date('coalesce(filed_at, reported_at, first_event_at)') }} < path.valid_to
