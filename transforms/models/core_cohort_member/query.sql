-- Who is counted where: one row a thing (case, task, check, visit) and cohort, on the business date the
-- thing falls due (`due_on`: done, or its limit passed, whichever came first) or, for a flow, happened.
-- `done_on` is when it was done, so that a rate's numerator can be cut at any period's end.
-- `operator_id` is who did the step, where a single person does it; what nobody did yet is nobody's.
-- Rates leave out void, declined, self-disposed and merged cases (`is_in_rates`); flows count everything.
{% macro member(cohort, due_on, done_on=none, on_time='NULL', points='NULL', thing='c.case_id', by='NULL') -%}
SELECT
  '{{ cohort }}' AS cohort,
  c.case_id,
  {{ thing }} AS thing_id,
  {{ due_on }} AS due_on,
  {{ done_on or due_on }} AS done_on,
  CAST({{ on_time }} AS BOOLEAN) AS is_on_time,
  CAST({{ points }} AS DOUBLE) AS points,
  c.work_type,
  c.grid_path_id,
  c.unit_code,
  c.category_system,
  c.category_code,
  c.channel,
  c.tags,
  CAST({{ by }} AS VARCHAR) AS operator_id
{%- endmacro -%}

{#- Where a city counts cases by the period they were filed in, their filing date stands for the due date. -#}
{%- set created = profile.cohort_basis == 'created' -%}
{%- macro due(column) -%}{{ 'c.filed_on' if created else column }}{%- endmacro -%}
{%- set closure_due_on = due('c.due_on') -%}

{#- Only these cases are in rates. -#}
{%- set counted = 'c.is_in_rates AND NOT c.is_suspended' if profile.suspension == 'subtract' else 'c.is_in_rates' -%}

{#- What is counted of a case's tasks, checks and visits is counted where the case is. -#}
{% macro of_case(unit_code='c.unit_code') -%}
c.case_id,
c.work_type,
c.grid_path_id,
{{ unit_code }} AS unit_code,
c.category_system,
c.category_code,
c.channel,
c.tags,
{{ counted }} AS is_counted
{%- endmacro -%}

WITH task AS (
  SELECT
    t.task_id,
    t.dispatched_on,
    t.dispatched_by,
    t.signed_on,
    t.signed_by,
    t.sign_due_on,
    t.sign_seconds,
    t.is_signed_on_time,
    t.returned_on,
    {{ of_case('t.unit_code') | indent(4) }}
  FROM core_dispatch_task AS t
  INNER JOIN core_case AS c ON t.case_id = c.case_id
),

desk_check AS (
  SELECT
    k.check_id,
    k.check_kind,
    k.issue_due_on,
    k.issued_on,
    k.is_issued_on_time,
    k.check_due_on,
    k.checked_on,
    k.checked_by,
    k.is_checked_on_time,
    {{ of_case() | indent(4) }}
  FROM core_check AS k
  INNER JOIN core_case AS c ON k.case_id = c.case_id
),

visit AS (
  SELECT
    v.visit_id,
    v.visited_on,
    v.visited_by,
    v.is_valid_visit,
    v.is_satisfied,
    v.satisfaction_points,
    v.is_contacted,
    v.resolution,
    {{ of_case() | indent(4) }}
  FROM core_visit AS v
  INNER JOIN core_case AS c ON v.case_id = c.case_id
)

-- Flows: what happened on the date.
{{ member('reported', 'c.reported_on', by='c.reported_by') }}
FROM core_case AS c WHERE c.reported_on IS NOT NULL
UNION ALL
{{ member('valid_reported', 'c.reported_on', by='c.reported_by') }}
FROM core_case AS c WHERE c.reported_on IS NOT NULL AND c.is_valid
UNION ALL
{{ member('accepted', 'c.accepted_on', by='c.accepted_by') }}
FROM core_case AS c WHERE c.accepted_on IS NOT NULL
UNION ALL
{{ member('declined', 'c.declined_on', by='c.declined_by') }}
FROM core_case AS c WHERE c.state = 'declined' AND c.declined_on IS NOT NULL
UNION ALL
{{ member('filed', 'c.filed_on', by='c.filed_by') }}
FROM core_case AS c WHERE c.filed_on IS NOT NULL
UNION ALL
{{ member('accurately_filed', 'c.filed_on', by='c.filed_by') }}
FROM core_case AS c WHERE c.filed_on IS NOT NULL AND c.state <> 'void'
UNION ALL
{{ member('public_filed', 'c.filed_on', by='c.filed_by') }}
FROM core_case AS c WHERE c.filed_on IS NOT NULL AND c.is_public_report
UNION ALL
{{ member('missed_filed', 'c.filed_on', by='c.filed_by') }}
FROM core_case AS c WHERE c.filed_on IS NOT NULL AND c.is_missed_report
UNION ALL
{{ member('voided', 'c.voided_on') }}
FROM core_case AS c WHERE c.voided_on IS NOT NULL
UNION ALL
{{ member('dispatched', 'c.dispatched_on', thing='c.task_id', by='c.dispatched_by') }}
FROM task AS c
UNION ALL
{{ member('signed', 'c.signed_on', thing='c.task_id', by='c.signed_by') }}
FROM task AS c WHERE c.signed_on IS NOT NULL
UNION ALL
{{ member('returned', 'c.returned_on', thing='c.task_id', by='c.dispatched_by') }}
FROM task AS c WHERE c.returned_on IS NOT NULL
UNION ALL
{{ member('handled', 'c.handled_on') }}
FROM core_case AS c WHERE c.handled_on IS NOT NULL
UNION ALL
{{ member('closed', 'c.closed_on', on_time='c.is_on_time', by='c.closed_by') }}
FROM core_case AS c WHERE c.closed_on IS NOT NULL AND c.state <> 'void'
UNION ALL
{{ member('overrun', 'c.finished_on', points='c.overdue_factor') }}
FROM core_case AS c WHERE {{ counted }} AND c.finished_on IS NOT NULL AND c.overdue_factor > 0
UNION ALL
{{ member('extended', 'c.extended_on') }}
FROM core_case AS c WHERE c.extended_on IS NOT NULL
UNION ALL
{{ member('suspended', 's.suspended_on', thing="c.case_id || '#' || s.suspension_no") }}
FROM core_suspension AS s INNER JOIN core_case AS c ON s.case_id = c.case_id
UNION ALL
{{ member('supervised', 'c.supervised_on') }}
FROM core_case AS c WHERE c.supervised_on IS NOT NULL
UNION ALL
{{ member('visited', 'c.visited_on', thing='c.visit_id', by='c.visited_by') }}
FROM visit AS c
UNION ALL

-- What became of the reports of the date.
{{ member('effective_report', 'c.reported_on', 'c.filed_on', by='c.reported_by') }}
FROM core_case AS c WHERE c.reported_on IS NOT NULL AND NOT c.is_public_report
UNION ALL
{{ member('self_disposal', 'c.reported_on', "CASE WHEN c.state = 'self_disposed' THEN c.self_disposed_on END",
          by='c.reported_by') }}
FROM core_case AS c WHERE c.reported_on IS NOT NULL
UNION ALL

-- Steps at the centre's desks.
{{ member('verification_issue', 'c.issue_due_on', 'c.issued_on', 'c.is_issued_on_time', thing='c.check_id') }}
FROM desk_check AS c
WHERE c.check_kind = 'verification' AND c.issue_due_on IS NOT NULL
UNION ALL
{{ member('verification', 'c.check_due_on', 'c.checked_on', 'c.is_checked_on_time', thing='c.check_id',
          by='c.checked_by') }}
FROM desk_check AS c WHERE c.check_kind = 'verification'
UNION ALL
{{ member('check_issue', 'c.issue_due_on', 'c.issued_on', 'c.is_issued_on_time', thing='c.check_id') }}
FROM desk_check AS c
WHERE c.is_counted AND c.check_kind = 'check' AND c.issue_due_on IS NOT NULL
UNION ALL
{{ member('check', 'c.check_due_on', 'c.checked_on', 'c.is_checked_on_time', thing='c.check_id', by='c.checked_by') }}
FROM desk_check AS c WHERE c.is_counted AND c.check_kind = 'check'
UNION ALL
{{ member('filing', 'c.filing_due_on', 'c.filed_on',
          'c.filed_at <= c.filing_deadline_at OR (c.filed_at IS NOT NULL AND c.filing_deadline_at IS NULL)',
          by='c.filed_by') }}
FROM core_case AS c
WHERE c.filing_due_on IS NOT NULL AND c.state NOT IN ('void', 'declined', 'self_disposed')
UNION ALL
{{ member('dispatch', due('c.dispatch_due_on'), 'c.dispatched_on',
          'c.dispatched_at <= c.dispatch_deadline_at OR (c.dispatched_at IS NOT NULL AND c.dispatch_deadline_at IS NULL)',
          by='c.dispatched_by') }}
FROM core_case AS c WHERE {{ counted }} AND c.dispatch_due_on IS NOT NULL AND c.filed_at IS NOT NULL
UNION ALL
{{ member('accurate_dispatch', due('c.dispatch_due_on'),
          'CASE WHEN c.return_count = 0 AND c.redirect_count = 0 THEN c.dispatched_on END', by='c.dispatched_by') }}
FROM core_case AS c WHERE {{ counted }} AND c.dispatch_due_on IS NOT NULL AND c.filed_at IS NOT NULL
UNION ALL
{{ member('closing_desk', 'c.closing_due_on', 'c.closed_on',
          'c.closed_at <= c.closing_deadline_at OR (c.closed_at IS NOT NULL AND c.closing_deadline_at IS NULL)',
          by='c.closed_by') }}
FROM core_case AS c WHERE {{ counted }} AND c.closing_due_on IS NOT NULL AND c.handled_on IS NOT NULL
UNION ALL

-- Dispatch tasks: signing, in bands of seconds too, and returning.
{{ member('sign', 'c.sign_due_on', 'c.signed_on', 'c.is_signed_on_time', thing='c.task_id', by='c.signed_by') }}
FROM task AS c WHERE c.is_counted AND c.sign_due_on IS NOT NULL
{% for seconds in [30, 60, 120, 180] -%}
UNION ALL
{{ member('sign_' ~ seconds ~ 's', 'c.sign_due_on',
          'CASE WHEN c.sign_seconds <= ' ~ seconds ~ ' THEN c.signed_on END', thing='c.task_id', by='c.signed_by') }}
FROM task AS c WHERE c.is_counted AND c.sign_due_on IS NOT NULL
{% endfor -%}
UNION ALL
{{ member('unsigned_return', 'c.sign_due_on', thing='c.task_id', by='c.dispatched_by') }}
FROM task AS c
WHERE c.is_counted AND c.returned_on IS NOT NULL AND c.signed_on IS NULL
UNION ALL
{{ member('return', 'c.dispatched_on', 'c.returned_on', thing='c.task_id', by='c.dispatched_by') }}
FROM task AS c WHERE c.is_counted
UNION ALL

-- Handling and closing.
{{ member('handling', due('c.handling_due_on'), 'c.handled_on',
          'c.handled_at <= c.deadline_at OR (c.handled_at IS NOT NULL AND c.deadline_at IS NULL)') }}
FROM core_case AS c WHERE {{ counted }} AND c.handling_due_on IS NOT NULL AND c.dispatched_on IS NOT NULL
UNION ALL
{{ member('closure', closure_due_on, 'c.closed_on', 'c.is_on_time AND c.closed_on IS NOT NULL') }}
FROM core_case AS c WHERE {{ counted }} AND {{ closure_due_on }} IS NOT NULL
{% for cohort, condition in [
  ('rework', 'c.rework_count > 0'), ('first_time_right', 'c.rework_count = 0'), ('extension', 'c.extension_count > 0'),
  ('suspension', 'c.suspension_count > 0'), ('supervision', 'c.supervision_count > 0')
] -%}
UNION ALL
{{ member(cohort, closure_due_on) }}
FROM core_case AS c WHERE {{ counted }} AND {{ closure_due_on }} IS NOT NULL AND {{ condition }}
{% endfor -%}
UNION ALL
{{ member('overdue', 'c.overdue_on') }}
FROM core_case AS c WHERE {{ counted }} AND c.overdue_on IS NOT NULL
UNION ALL
{{ member('mediation', 'c.handled_on', "CASE WHEN c.mediation = 'succeeded' THEN c.handled_on END") }}
FROM core_case AS c WHERE {{ counted }} AND c.mediation IS NOT NULL AND c.handled_on IS NOT NULL
UNION ALL

-- Visits.
{{ member('visit', 'c.visit_due_on', 'c.first_valid_visit_on') }}
FROM core_case AS c WHERE {{ counted }} AND c.visit_due_on IS NOT NULL AND c.closed_on IS NOT NULL
UNION ALL
{{ member('satisfaction', 'c.visited_on', 'CASE WHEN c.is_satisfied THEN c.visited_on END',
          points='c.satisfaction_points', thing='c.visit_id', by='c.visited_by') }}
FROM visit AS c
WHERE c.is_counted AND c.is_valid_visit AND c.satisfaction_points IS NOT NULL
UNION ALL
{{ member('contact', 'c.visited_on', 'CASE WHEN c.is_contacted THEN c.visited_on END', thing='c.visit_id',
          by='c.visited_by') }}
FROM visit AS c
WHERE c.is_counted AND c.is_valid_visit AND c.is_contacted IS NOT NULL
UNION ALL
{{ member('resolution', 'c.visited_on', "CASE WHEN c.resolution = 'resolved' THEN c.visited_on END", thing='c.visit_id',
          by='c.visited_by') }}
FROM visit AS c
WHERE c.is_counted AND c.is_valid_visit AND c.resolution IS NOT NULL
UNION ALL
{{ member('actual_resolution', 'c.visited_on', "CASE WHEN c.resolution = 'resolved' THEN c.visited_on END", thing='c.visit_id',
          by='c.visited_by') }}
FROM visit AS c
WHERE c.is_counted AND c.is_valid_visit AND c.resolution IN ('resolved', 'explained')
