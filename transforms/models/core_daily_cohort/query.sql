-- The cohorts counted by business date and one dimension at a time: place, unit, category, channel, operator, tag.
-- Every later figure is a sum over this table. `done_week_count` counts, of the things due on the date,
-- those done by the end of the week the date lies in, and so for each kind of period: each date lies in
-- just one week, so a week's numerator is the sum over its days and is yet cut at the week's end.
-- A case counts under each of its tags: tags do not add up to the whole; every other dimension does.
{% import 'rates.sql.j2' as rates with context -%}
{% macro counts() -%}
due_on AS business_date,
work_type,
cohort,
count(*) AS due_count,
{% for period in periods -%}
count(done_in_{{ period }}) AS done_{{ period }}_count,
count(on_time_in_{{ period }}) AS on_time_{{ period }}_count,
{% endfor -%}
CAST(coalesce(sum(tiny_points), 0) AS BIGINT) AS points_sum
{%- endmacro -%}

{#- Each thing with what is counted of it, settled once for all dimensions. -#}
{% macro things(condition) -%}
SELECT
  member.due_on,
  member.work_type,
  member.cohort,
  member.grid_path_id,
  member.unit_code,
  member.category_system,
  member.category_code,
  member.channel,
  member.operator_id,
  member.tags,
  {% for period in periods -%}
  CASE WHEN done_on <= {{ period }}_end THEN TRUE END AS done_in_{{ period }},
  CASE WHEN is_on_time AND done_on <= {{ period }}_end THEN TRUE END AS on_time_in_{{ period }},
  {% endfor -%}
  {{ rates.tiny('points') }} AS tiny_points
FROM core_cohort_member AS member
INNER JOIN core_business_calendar AS calendar ON member.due_on = calendar.business_date
{{ condition }}
{%- endmacro -%}

SELECT
  CASE
    WHEN grouping(grid_path_id) = 0 THEN 'grid'
    WHEN grouping(unit_code) = 0 THEN 'unit'
    WHEN grouping(category_code) = 0 THEN 'category'
    WHEN grouping(channel) = 0 THEN 'channel'
    ELSE 'operator'
  END AS dimension,
  CASE
    WHEN grouping(grid_path_id) = 0 THEN grid_path_id
    WHEN grouping(unit_code) = 0 THEN coalesce(unit_code, 'unassigned')
    WHEN grouping(category_code) = 0 THEN coalesce(category_system || ':' || category_code, 'unassigned')
    WHEN grouping(channel) = 0 THEN coalesce(channel, 'unassigned')
    ELSE coalesce(operator_id, 'unassigned')
  END AS member_code,
  {{ counts() | indent(2) }}
FROM (
  {{ things('') | indent(2) }}
) AS thing
GROUP BY GROUPING SETS (
  (due_on, work_type, cohort, grid_path_id),
  (due_on, work_type, cohort, unit_code),
  (due_on, work_type, cohort, category_system, category_code),
  (due_on, work_type, cohort, channel),
  (due_on, work_type, cohort, operator_id)
)
UNION ALL
SELECT
  'tag' AS dimension,
  tag AS member_code,
  {{ counts() | indent(2) }}
FROM (
  SELECT *, unnest(list_distinct(tags)) AS tag
  FROM (
    {{ things('WHERE array_length(tags) > 0') | indent(4) }}
  ) AS thing
) AS tagged
GROUP BY due_on, work_type, cohort, tag
