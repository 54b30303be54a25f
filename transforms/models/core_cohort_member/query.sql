-- Who is counted where: one row a thing (case, task, check, visit) and cohort, on the business date the
-- thing falls due (`due_on`: done, or its limit passed, whichever came first) or, for a flow, happened.
-- `done_on` is when it was done, so that a rate's numerator can be cut at any period's end.
-- Rates leave out void, declined, self-disposed and merged cases (`is_in_rates`); flows count everything.
WITH counted AS (SELECT * FROM core_case WHERE is_in_rates)

{% macro member(cohort, due_on, done_on='due_on', on_time='NULL', points='NULL', thing='c.case_id') -%}
SELECT
  '{{ cohort }}' AS cohort,
  c.case_id,
  {{ thing }} AS thing_id,
  {{ due_on }} AS due_on,
  {{ due_on if done_on == 'due_on' else done_on }} AS done_on,
  CAST({{ on_time }} AS BOOLEAN) AS is_on_time,
  CAST({{ points }} AS DOUBLE) AS points,
  c.work_type,
  c.grid_path_id,
  {{ 't.unit_code' if thing == 't.task_id' else 'c.unit_code' }} AS unit_code,
  c.category_system,
  c.category_code,
  c.channel
{%- endmacro %}

-- Flows: what happened on the date.
{{ member('reported', 'c.reported_on', on_time='c.is_valid') }}
FROM core_case AS c WHERE c.reported_on IS NOT NULL
UNION ALL
{{ member('patrol_reported', 'c.reported_on', 'c.filed_on') }}
FROM core_case AS c WHERE c.reported_on IS NOT NULL AND NOT c.is_public_report
UNION ALL
{{ member('public_reported', 'c.reported_on', 'c.filed_on') }}
FROM core_case AS c WHERE c.reported_on IS NOT NULL AND c.is_public_report
UNION ALL
{{ member('accepted', 'c.accepted_on') }}
FROM core_case AS c WHERE c.accepted_on IS NOT NULL
UNION ALL
{{ member('declined', 'c.declined_on') }}
FROM core_case AS c WHERE c.state = 'declined' AND c.declined_on IS NOT NULL
UNION ALL
{{ member('filed', 'c.filed_on') }}
FROM core_case AS c WHERE c.filed_on IS NOT NULL
UNION ALL
{{ member('voided', 'c.voided_on') }}
FROM core_case AS c WHERE c.voided_on IS NOT NULL
UNION ALL
{{ member('self_disposed', 'c.self_disposed_on') }}
FROM core_case AS c WHERE c.state = 'self_disposed'
UNION ALL
{{ member('dispatched', 't.dispatched_on', thing='t.task_id') }}
FROM core_dispatch_task AS t INNER JOIN core_case AS c ON t.case_id = c.case_id
UNION ALL
{{ member('signed', 't.signed_on', thing='t.task_id', on_time='t.is_signed_on_time') }}
FROM core_dispatch_task AS t INNER JOIN core_case AS c ON t.case_id = c.case_id WHERE t.signed_on IS NOT NULL
UNION ALL
{{ member('returned', 't.returned_on', thing='t.task_id') }}
FROM core_dispatch_task AS t INNER JOIN core_case AS c ON t.case_id = c.case_id WHERE t.returned_on IS NOT NULL
UNION ALL
{{ member('handled', 'c.handled_on') }}
FROM core_case AS c WHERE c.handled_on IS NOT NULL
UNION ALL
{{ member('closed', 'c.closed_on', on_time='c.is_on_time') }}
FROM core_case AS c WHERE c.closed_on IS NOT NULL AND c.state <> 'void'
UNION ALL
{{ member('extended', 'c.extended_on') }}
FROM core_case AS c WHERE c.extended_on IS NOT NULL
UNION ALL
{{ member('suspended', 'c.suspended_on') }}
FROM core_case AS c WHERE c.suspended_on IS NOT NULL
UNION ALL
{{ member('supervised', 'c.supervised_on') }}
FROM core_case AS c WHERE c.supervised_on IS NOT NULL
UNION ALL
{{ member('visited', 'v.visited_on', thing='v.visit_id') }}
FROM core_visit AS v INNER JOIN core_case AS c ON v.case_id = c.case_id
UNION ALL

-- Rates: what fell due on the date.
{{ member('dispatch', 'c.dispatch_due_on', 'c.dispatched_on',
          'c.dispatched_at <= c.dispatch_deadline_at OR (c.dispatched_at IS NOT NULL AND c.dispatch_deadline_at IS NULL)') }}
FROM counted AS c WHERE c.dispatch_due_on IS NOT NULL AND c.filed_at IS NOT NULL
UNION ALL
{{ member('sign', 't.sign_due_on', 't.signed_on', 't.is_signed_on_time', thing='t.task_id') }}
FROM core_dispatch_task AS t INNER JOIN counted AS c ON t.case_id = c.case_id WHERE t.sign_due_on IS NOT NULL
UNION ALL
{{ member('closure', 'c.due_on', 'c.closed_on', 'c.is_on_time AND c.closed_on IS NOT NULL') }}
FROM counted AS c WHERE c.due_on IS NOT NULL
UNION ALL
{{ member('satisfaction', 'v.visited_on', 'CASE WHEN v.is_satisfied THEN v.visited_on END',
          points='v.satisfaction_points', thing='v.visit_id') }}
FROM core_visit AS v INNER JOIN counted AS c ON v.case_id = c.case_id
WHERE v.is_valid_visit AND v.satisfaction_points IS NOT NULL
UNION ALL
{{ member('visit', 'c.visit_due_on', 'c.first_valid_visit_on') }}
FROM counted AS c WHERE c.visit_due_on IS NOT NULL AND c.closed_on IS NOT NULL
