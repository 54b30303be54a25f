-- One row a case: its facts, its deadlines, its state and the judgement whether it was on time.
--
-- A void case stays void, whatever comes after; a case declined and later filed counts as filed; what was
-- signed for only after its handling is handled. What contradicts the life cycle is folded all the same and
-- named in `anomalies`.
WITH pause AS (
  SELECT
    case_id,
    count(*) AS suspension_count,
    min(suspended_at) AS suspended_at,
    max(resumed_at) AS resumed_at
  FROM core_suspension
  GROUP BY case_id
),

joined AS (
  SELECT
    fold.*,
    deadline.* EXCLUDE (case_id, is_suspended),
    deadline.is_suspended AND fold.handled_at IS NULL AND fold.closed_at IS NULL AS is_suspended,
    coalesce(pause.suspension_count, 0) AS suspension_count,
    pause.suspended_at,
    pause.resumed_at,
    -- What counts as finished: the end of handling, or the closing; the profile chooses.
    {% if profile.on_time_basis == 'handling' -%}
    least(fold.handled_at, fold.closed_at)
    {%- else -%}
    fold.closed_at
    {%- endif %} AS finished_at,
    coalesce(fold.filed_at, fold.reported_at, fold.first_event_at) AS placed_at
  FROM core_case_fold AS fold
  INNER JOIN core_case_deadline AS deadline ON fold.case_id = deadline.case_id
  LEFT JOIN pause ON fold.case_id = pause.case_id
),

judged AS (
  SELECT
    *,
    CASE
      WHEN voided_at IS NOT NULL THEN 'void'
      WHEN declined_at IS NOT NULL AND filed_at IS NULL THEN 'declined'
      WHEN self_disposed_at IS NOT NULL AND filed_at IS NULL AND dispatched_at IS NULL THEN 'self_disposed'
      WHEN closed_at IS NOT NULL AND visited_at > closed_at THEN 'visited'
      WHEN closed_at IS NOT NULL THEN 'closed'
      WHEN is_suspended THEN 'suspended'
      WHEN last_step IN ('checked_failed', 'reopened') THEN 'rework'
      WHEN last_step = 'checked_passed' THEN 'check_passed'
      WHEN last_step = 'verified_confirmed' THEN 'accepted'
      WHEN last_step = 'verified_refuted' THEN 'declined'
      WHEN last_step IN ('suspended', 'resumed') THEN 'handling'
      WHEN last_step = 'signed' AND signed_too_late_at IS NOT NULL AND handled_at IS NOT NULL THEN 'handled'
      ELSE last_step
    END AS state
  FROM joined
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
  reported_by,
  accepted_by,
  declined_by,
  filed_by,
  dispatched_by,
  closed_by,
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
  state NOT IN ('void', 'declined', 'self_disposed')
    AND (filed_at IS NOT NULL OR dispatched_at IS NOT NULL)
    AND merged_into IS NULL AS is_in_rates,
  is_suspended,
  CASE
    WHEN finished_at IS NULL THEN NULL
    WHEN exempted_at IS NOT NULL THEN TRUE
    WHEN deadline_at IS NULL AND (judged.is_beyond_calendar OR is_suspended) THEN NULL
    WHEN deadline_at IS NULL THEN {{ 'TRUE' if profile.without_limit == 'on_time' else 'NULL' }}
    ELSE finished_at <= deadline_at
  END AS is_on_time,
  -- How far beyond its limit, in limits: 0.5 is half as long again. On the wall clock.
  CASE
    WHEN exempted_at IS NULL AND finished_at > deadline_at AND deadline_at > counted_from_at
      THEN {{ rounded('(epoch_us(finished_at) - epoch_us(deadline_at)) / (epoch_us(deadline_at) - epoch_us(counted_from_at))', 4) }}
  END AS overdue_factor,
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
  paused_minutes,
  is_reopened,
  is_beyond_calendar OR is_desk_beyond_calendar AS is_beyond_calendar,
  list_filter(
    [
      CASE WHEN reported_at IS NULL THEN 'not_reported' END,
      CASE WHEN voided_at < last_event_at THEN 'events_after_void' END,
      CASE WHEN declined_at IS NOT NULL AND filed_at IS NOT NULL THEN 'declined_and_filed' END,
      CASE WHEN dispatched_at < filed_at THEN 'dispatched_before_filed' END,
      CASE WHEN signed_at IS NOT NULL AND dispatched_at IS NULL THEN 'signed_without_dispatch' END,
      CASE WHEN signed_too_early_at IS NOT NULL OR signed_at < dispatched_at THEN 'signed_before_dispatched' END,
      CASE WHEN signed_too_late_at IS NOT NULL THEN 'signed_after_handling' END,
      CASE WHEN first_handled_at < coalesce(dispatched_at, filed_at) THEN 'handled_before_dispatched' END,
      {% if profile.on_time_basis == 'handling' -%}
      CASE WHEN closed_at IS NOT NULL AND handled_at IS NULL THEN 'closed_without_handling' END,
      {% endif -%}
      CASE WHEN closed_at < handled_at THEN 'closed_before_handled' END,
      CASE WHEN closed_at < coalesce(filed_at, reported_at) THEN 'closed_before_filed' END,
      CASE WHEN first_event_at < reported_at THEN 'clock_backwards' END,
      CASE WHEN judged.is_beyond_calendar OR is_desk_beyond_calendar THEN 'deadline_beyond_calendar' END
    ],
    flag -> flag IS NOT NULL
  ) AS anomalies,
  first_event_at,
  last_event_at,
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
  {{ business_date('least(handled_at, deadline_at)') }} AS handling_due_on,
  {{ business_date('finished_at') }} AS finished_on,
  CASE
    WHEN exempted_at IS NULL AND (finished_at IS NULL OR finished_at > deadline_at)
      THEN {{ business_date('deadline_at') }}
  END AS overdue_on,
  {{ business_date('least(finished_at, deadline_at)') }} AS due_on
FROM judged
LEFT JOIN core_channel ON judged.channel = core_channel.channel
LEFT JOIN core_grid_path AS path
  ON judged.grid_code = path.grid_code
    AND path.valid_from <= {{ local_date('judged.placed_at') }}
    AND {{ local_date('judged.placed_at') }} < path.valid_to
