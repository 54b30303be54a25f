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
  {{ 't.unit_code' if thing == 't.task_id' else 'c.unit_code' }} AS unit_code,
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

WITH counted AS (
  SELECT * FROM core_case WHERE is_in_rates{% if profile.suspension == 'subtract' %} AND NOT is_suspended{% endif %}
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
{{ member('dispatched', 't.dispatched_on', thing='t.task_id', by='t.dispatched_by') }}
FROM core_dispatch_task AS t INNER JOIN core_case AS c ON t.case_id = c.case_id
UNION ALL
{{ member('signed', 't.signed_on', thing='t.task_id', by='t.signed_by') }}
FROM core_dispatch_task AS t INNER JOIN core_case AS c ON t.case_id = c.case_id WHERE t.signed_on IS NOT NULL
UNION ALL
{{ member('returned', 't.returned_on', thing='t.task_id', by='t.dispatched_by') }}
FROM core_dispatch_task AS t INNER JOIN core_case AS c ON t.case_id = c.case_id WHERE t.returned_on IS NOT NULL
UNION ALL
{{ member('handled', 'c.handled_on') }}
FROM core_case AS c WHERE c.handled_on IS NOT NULL
UNION ALL
{{ member('closed', 'c.closed_on', on_time='c.is_on_time', by='c.closed_by') }}
FROM core_case AS c WHERE c.closed_on IS NOT NULL AND c.state <> 'void'
UNION ALL
{{ member('overrun', 'c.finished_on', points='c.overdue_factor') }}
FROM counted AS c WHERE c.finished_on IS NOT NULL AND c.overdue_factor > 0
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
{{ member('visited', 'v.visited_on', thing='v.visit_id', by='v.visited_by') }}
FROM core_visit AS v INNER JOIN core_case AS c ON v.case_id = c.case_id
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
{{ member('verification_issue', 'k.issue_due_on', 'k.issued_on', 'k.is_issued_on_time', thing='k.check_id') }}
FROM core_check AS k INNER JOIN core_case AS c ON k.case_id = c.case_id
WHERE k.check_kind = 'verification' AND k.issue_due_on IS NOT NULL
UNION ALL
{{ member('verification', 'k.check_due_on', 'k.checked_on', 'k.is_checked_on_time', thing='k.check_id',
          by='k.checked_by') }}
FROM core_check AS k INNER JOIN core_case AS c ON k.case_id = c.case_id WHERE k.check_kind = 'verification'
UNION ALL
{{ member('check_issue', 'k.issue_due_on', 'k.issued_on', 'k.is_issued_on_time', thing='k.check_id') }}
FROM core_check AS k INNER JOIN counted AS c ON k.case_id = c.case_id
WHERE k.check_kind = 'check' AND k.issue_due_on IS NOT NULL
UNION ALL
{{ member('check', 'k.check_due_on', 'k.checked_on', 'k.is_checked_on_time', thing='k.check_id', by='k.checked_by') }}
FROM core_check AS k INNER JOIN counted AS c ON k.case_id = c.case_id WHERE k.check_kind = 'check'
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
FROM counted AS c WHERE c.dispatch_due_on IS NOT NULL AND c.filed_at IS NOT NULL
UNION ALL
{{ member('accurate_dispatch', due('c.dispatch_due_on'),
          'CASE WHEN c.return_count = 0 AND c.redirect_count = 0 THEN c.dispatched_on END', by='c.dispatched_by') }}
FROM counted AS c WHERE c.dispatch_due_on IS NOT NULL AND c.filed_at IS NOT NULL
UNION ALL
{{ member('closing_desk', 'c.closing_due_on', 'c.closed_on',
          'c.closed_at <= c.closing_deadline_at OR (c.closed_at IS NOT NULL AND c.closing_deadline_at IS NULL)',
          by='c.closed_by') }}
FROM counted AS c WHERE c.closing_due_on IS NOT NULL AND c.handled_on IS NOT NULL
UNION ALL

-- Dispatch tasks: signing, in bands of seconds too, and returning.
{{ member('sign', 't.sign_due_on', 't.signed_on', 't.is_signed_on_time', thing='t.task_id', by='t.signed_by') }}
FROM core_dispatch_task AS t INNER JOIN counted AS c ON t.case_id = c.case_id WHERE t.sign_due_on IS NOT NULL
{% for seconds in [30, 60, 120, 180] -%}
UNION ALL
{{ member('sign_' ~ seconds ~ 's', 't.sign_due_on',
          'CASE WHEN t.sign_seconds <= ' ~ seconds ~ ' THEN t.signed_on END', thing='t.task_id', by='t.signed_by') }}
FROM core_dispatch_task AS t INNER JOIN counted AS c ON t.case_id = c.case_id WHERE t.sign_due_on IS NOT NULL
{% endfor -%}
UNION ALL
{{ member('unsigned_return', 't.sign_due_on', thing='t.task_id', by='t.dispatched_by') }}
FROM core_dispatch_task AS t INNER JOIN counted AS c ON t.case_id = c.case_id
WHERE t.returned_at IS NOT NULL AND t.signed_at IS NULL
UNION ALL
{{ member('return', 't.dispatched_on', 't.returned_on', thing='t.task_id', by='t.dispatched_by') }}
FROM core_dispatch_task AS t INNER JOIN counted AS c ON t.case_id = c.case_id
UNION ALL

-- Handling and closing.
{{ member('handling', due('c.handling_due_on'), 'c.handled_on',
          'c.handled_at <= c.deadline_at OR (c.handled_at IS NOT NULL AND c.deadline_at IS NULL)') }}
FROM counted AS c WHERE c.handling_due_on IS NOT NULL AND c.dispatched_on IS NOT NULL
UNION ALL
{{ member('closure', closure_due_on, 'c.closed_on', 'c.is_on_time AND c.closed_on IS NOT NULL') }}
FROM counted AS c WHERE {{ closure_due_on }} IS NOT NULL
{% for cohort, condition in [
  ('rework', 'c.rework_count > 0'), ('first_time_right', 'c.rework_count = 0'), ('extension', 'c.extension_count > 0'),
  ('suspension', 'c.suspension_count > 0'), ('supervision', 'c.supervision_count > 0')
] -%}
UNION ALL
{{ member(cohort, closure_due_on) }}
FROM counted AS c WHERE {{ closure_due_on }} IS NOT NULL AND {{ condition }}
{% endfor -%}
UNION ALL
{{ member('overdue', 'c.overdue_on') }}
FROM counted AS c WHERE c.overdue_on IS NOT NULL
UNION ALL
{{ member('mediation', 'c.handled_on', "CASE WHEN c.mediation = 'succeeded' THEN c.handled_on END") }}
FROM counted AS c WHERE c.mediation IS NOT NULL AND c.handled_on IS NOT NULL
UNION ALL

-- Visits.
{{ member('visit', 'c.visit_due_on', 'c.first_valid_visit_on') }}
FROM counted AS c WHERE c.visit_due_on IS NOT NULL AND c.closed_on IS NOT NULL
UNION ALL
{{ member('satisfaction', 'v.visited_on', 'CASE WHEN v.is_satisfied THEN v.visited_on END',
          points='v.satisfaction_points', thing='v.visit_id', by='v.visited_by') }}
FROM core_visit AS v INNER JOIN counted AS c ON v.case_id = c.case_id
WHERE v.is_valid_visit AND v.satisfaction_points IS NOT NULL
UNION ALL
{{ member('contact', 'v.visited_on', 'CASE WHEN v.is_contacted THEN v.visited_on END', thing='v.visit_id',
          by='v.visited_by') }}
FROM core_visit AS v INNER JOIN counted AS c ON v.case_id = c.case_id
WHERE v.is_valid_visit AND v.is_contacted IS NOT NULL
UNION ALL
{{ member('resolution', 'v.visited_on', "CASE WHEN v.resolution = 'resolved' THEN v.visited_on END", thing='v.visit_id',
          by='v.visited_by') }}
FROM core_visit AS v INNER JOIN counted AS c ON v.case_id = c.case_id
WHERE v.is_valid_visit AND v.resolution IS NOT NULL
UNION ALL
{{ member('actual_resolution', 'v.visited_on', "CASE WHEN v.resolution = 'resolved' THEN v.visited_on END", thing='v.visit_id',
          by='v.visited_by') }}
FROM core_visit AS v INNER JOIN counted AS c ON v.case_id = c.case_id
WHERE v.is_valid_visit AND v.resolution IN ('resolved', 'explained')
