-- The cohorts counted by business date and one dimension at a time: place, unit, category, channel, operator, tag.
-- Every later figure is a sum over this table. Things due on the date are told apart by the kinds of period
-- they were done in (`done_within`, a bit a kind: done by the end of the week the date lies in, of the month,
-- …), so that a period's numerator is the sum over its days and is yet cut at the period's end.
-- A case counts under each of its tags: tags do not add up to the whole; every other dimension does.
--
-- One column a count, because a thing is in many cohorts on one date and is so looked up once for all of them.
-- Each kind of thing has rows of its own (`part`); what it does not count is empty.
{% import 'cohorts.sql.j2' as of with context -%}
{% import 'rates.sql.j2' as rates with context -%}

{#- A date as a number, to be put together with another. -#}
{%- macro day_no(date) -%}
CAST(date_diff('day', DATE '1970-01-01', {{ date }}) AS BIGINT)
{%- endmacro -%}

{#- The date a thing fell due in a cohort, the date it was done, and the number of the step whose operator is asked
    for (of sixteen at the most), in one number; none when it is not in the cohort. What was done before it fell due
    is done on the date; what is not done, behind all dates. -#}
{%- macro slot(cohort, step_no) -%}
CASE
  WHEN {{ of.is_in(cohort) }}
    THEN ({{ day_no(of.due_on(cohort)) }} * 100000
      + greatest({{ day_no(of.due_on(cohort)) }}, coalesce({{ day_no(of.done_on(cohort)) }}, 99999))) * 16 + {{ step_no }}
END
{%- endmacro -%}

{#- The things of a kind, one row for each slot they have in the cohorts `members`. Of `steps`, columns that say
    who did a step, each cohort has its own. -#}
{%- macro slots(kind, members, split_by, steps=[], condition='') -%}
SELECT
  member.*,
  calendar.business_date,
  CAST(
    {% for period in periods -%}
    CASE WHEN member.slot // 16 % 100000 <= calendar.{{ period }}_last_no THEN {{ 2 ** loop.index0 }} ELSE 0 END{{ '' if loop.last else ' + ' }}
    {%- endfor %} AS SMALLINT
  ) AS done_within
FROM (
  SELECT
    *,
    unnest(list_distinct([{% for name, cohort in members %}{{ name }}_slot{{ '' if loop.last else ', ' }}{% endfor %}])) AS slot
  FROM (
    SELECT
      {% for name, cohort in members -%}
      {{ slot(cohort, steps.index(cohort.by) if steps else 0) | indent(6) }} AS {{ name }}_slot,
      {% if cohort.on_time -%}
      ({{ cohort.on_time }}) AND {{ of.done_on(cohort) }} IS NOT NULL AS {{ name }}_is_on_time,
      {% endif -%}
      {% if cohort.points -%}
      {{ rates.tiny(cohort.points) }} AS {{ name }}_points,
      {% endif -%}
      {% endfor -%}
      {{ (['work_type'] + split_by) | join(', ') }}
    FROM (
      {{ of.things(kind) | indent(6) }}
    ) AS thing
    {{ condition }}
  ) AS slotted
) AS member
INNER JOIN day_number AS calendar ON member.slot // 1600000 = calendar.day_no
{%- endmacro -%}

{#- A column a count of `members`, in the order of all. -#}
{%- macro counted(members) -%}
{% for count in counts -%}
{% set name = count.cohort -%}
{% if name not in members -%}
CAST(NULL AS BIGINT)
{%- elif count.of == 'due' -%}
count(CASE WHEN {{ name }}_slot = slot THEN 1 END)
{%- elif count.of == 'on_time' -%}
count(CASE WHEN {{ name }}_slot = slot AND {{ name }}_is_on_time THEN 1 END)
{%- else -%}
CAST(coalesce(sum(CASE WHEN {{ name }}_slot = slot THEN {{ name }}_points END), 0) AS BIGINT)
{%- endif %} AS {{ count.column }}
{%- if not loop.last %},
{% endif -%}
{% endfor -%}
{%- endmacro -%}

WITH day_number AS (
  SELECT
    business_date,
    {{ day_no('business_date') }} AS day_no,
    {% for period in periods -%}
    {{ day_no(period ~ '_end') }} AS {{ period }}_last_no{{ '' if loop.last else ',' }}
    {% endfor %}
  FROM core_business_calendar
)

{% for kind, members in cohorts.items() | groupby('1.of') -%}
{% set names = members | map('first') | list -%}
{% set steps = members | map(attribute='1.by') | unique | list -%}
SELECT
  CASE
    WHEN grouping(grid_path_id) = 0 THEN 'grid'
    WHEN grouping(unit_code) = 0 THEN 'unit'
    WHEN grouping(category_code) = 0 THEN 'category'
    ELSE 'channel'
  END AS dimension,
  CASE
    WHEN grouping(grid_path_id) = 0 THEN grid_path_id
    WHEN grouping(unit_code) = 0 THEN coalesce(unit_code, 'unassigned')
    WHEN grouping(category_code) = 0 THEN coalesce(category_system || ':' || category_code, 'unassigned')
    ELSE coalesce(channel, 'unassigned')
  END AS member_code,
  business_date,
  work_type,
  '{{ kind }}' AS part,
  done_within,
  {{ counted(names) | indent(2) }}
FROM (
  {{ slots(kind, members, ['grid_path_id', 'unit_code', 'category_system', 'category_code', 'channel']) | indent(2) }}
) AS placed
GROUP BY GROUPING SETS (
  (business_date, work_type, done_within, grid_path_id),
  (business_date, work_type, done_within, unit_code),
  (business_date, work_type, done_within, category_system, category_code),
  (business_date, work_type, done_within, channel)
)
UNION ALL
SELECT
  'tag' AS dimension,
  tag AS member_code,
  business_date,
  work_type,
  '{{ kind }}' AS part,
  done_within,
  {{ counted(names) | indent(2) }}
FROM (
  SELECT *, unnest(list_distinct(tags)) AS tag
  FROM (
    {{ slots(kind, members, ['tags'], condition='WHERE array_length(tags) > 0') | indent(4) }}
  ) AS placed
) AS tagged
GROUP BY business_date, work_type, done_within, tag
UNION ALL
SELECT
  'operator' AS dimension,
  coalesce(operator_id, 'unassigned') AS member_code,
  business_date,
  work_type,
  '{{ kind }}' AS part,
  done_within,
  {{ counted(names) | indent(2) }}
FROM (
  SELECT
    *,
    CASE slot % 16 {% for step in steps %}WHEN {{ loop.index0 }} THEN {{ step or 'CAST(NULL AS VARCHAR)' }} {% endfor %}END AS operator_id
  FROM (
    {{ slots(kind, members, steps | select | list, steps) | indent(4) }}
  ) AS placed
) AS operated
GROUP BY business_date, work_type, done_within, operator_id
{% if not loop.last %}UNION ALL
{% endif -%}
{% endfor %}
