-- Which rows count on a checked date, found once: every statement over nineteen columns of dates is dear to plan.
CREATE OR REPLACE TEMP TABLE {{ ('checked_' ~ table) | ident }} AS
SELECT DISTINCT everything.rowid AS row_id
FROM {{ everything(table) }} AS everything
{% if span %}
INNER JOIN checked_date
  ON checked_date.business_date BETWEEN everything.{{ span[0] | ident }} AND everything.{{ span[1] | ident }}
{% else %}
WHERE
  {% for column in dates -%}
  everything.{{ column | ident }} IN (SELECT business_date FROM checked_date)
  {%- if not loop.last %} OR {% endif -%}
  {%- endfor %}
{% endif %}
