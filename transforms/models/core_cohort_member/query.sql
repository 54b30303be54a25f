-- Who is counted where: one row a thing (case, task, check, visit, pause) and cohort, on the business date the
-- thing falls due (`due_on`: done, or its limit passed, whichever came first) or, for a flow, happened.
-- `done_on` is when it was done, so that a rate's numerator can be cut at any period's end.
-- `operator_id` is who did the step, where a single person does it; what nobody did yet is nobody's.
-- Rates leave out void, declined, self-disposed and merged cases (`is_in_rates`); flows count everything.
-- What each cohort is, transforms/indicators.yaml says.
{% import 'cohorts.sql.j2' as of with context -%}
{% set kinds = cohorts.values() | map(attribute='of') | unique | reject('equalto', 'case') -%}
WITH {% for kind in kinds -%}
{{ kind }}_thing AS (
  {{ of.things(kind) | indent(2) }}
){{ '' if loop.last else ',' }}

{% endfor -%}

{% for name, cohort in cohorts.items() -%}
SELECT
  '{{ name }}' AS cohort,
  case_id,
  thing_id,
  {{ of.due_on(cohort) }} AS due_on,
  {{ of.done_on(cohort) }} AS done_on,
  CAST({{ cohort.on_time or 'NULL' }} AS BOOLEAN) AS is_on_time,
  CAST({{ cohort.points or 'NULL' }} AS DOUBLE) AS points,
  work_type,
  grid_path_id,
  unit_code,
  category_system,
  category_code,
  channel,
  tags,
  CAST({{ cohort.by or 'NULL' }} AS VARCHAR) AS operator_id
FROM {{ '(' ~ of.things('case') ~ ')' if cohort.of == 'case' else cohort.of ~ '_thing' }} AS thing
WHERE {{ of.is_in(cohort) }}
{% if not loop.last %}UNION ALL
{% endif -%}
{% endfor %}
