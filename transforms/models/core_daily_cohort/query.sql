-- The cohorts counted by business date and one dimension at a time: place, unit, category, channel, operator, tag.
-- Every later figure is a sum over this table. Things due on the date are told apart by the kinds of period
-- they were done in (`done_within`, a bit a kind: done by the end of the week the date lies in, of the month,
-- …), so that a period's numerator is the sum over its days and is yet cut at the period's end.
-- A case counts under each of its tags: tags do not add up to the whole; every other dimension does.
{% import 'rates.sql.j2' as rates with context -%}
{% macro counts() -%}
due_on AS business_date,
work_type,
cohort,
done_within,
count(*) AS due_count,
count(on_time) AS on_time_count,
CAST(coalesce(sum(tiny_points), 0) AS BIGINT) AS points_sum
{%- endmacro -%}

{#- Each thing with what is counted of it, settled once for all dimensions. What was done on the date was done
    within every kind of period; only what was done later has to be looked up. -#}
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
  CAST(
    CASE
      WHEN done_on IS NULL THEN 0
      WHEN done_on <= due_on THEN {{ 2 ** (periods | length) - 1 }}
      ELSE {% for period in periods -%}
      CASE WHEN done_on <= {{ period }}_end THEN {{ 2 ** loop.index0 }} ELSE 0 END{{ '' if loop.last else ' + ' }}
      {%- endfor %}
    END AS SMALLINT
  ) AS done_within,
  CASE WHEN is_on_time AND done_on IS NOT NULL THEN TRUE END AS on_time,
  {{ rates.tiny('points') }} AS tiny_points
FROM core_cohort_member AS member
LEFT JOIN core_business_calendar AS calendar
  ON CASE WHEN member.done_on > member.due_on THEN member.due_on END = calendar.business_date
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
  (due_on, work_type, cohort, done_within, grid_path_id),
  (due_on, work_type, cohort, done_within, unit_code),
  (due_on, work_type, cohort, done_within, category_system, category_code),
  (due_on, work_type, cohort, done_within, channel),
  (due_on, work_type, cohort, done_within, operator_id)
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
GROUP BY due_on, work_type, cohort, done_within, tag
