-- Which rows count on a checked date, found once: every statement over nineteen columns of dates is dear to plan.
CREATE OR REPLACE TEMP TABLE {{ ('checked_' ~ table) | ident }} AS
SELECT rowid AS row_id
FROM {{ everything(table) }}
WHERE
  {% for column in dates -%}
  {{ column | ident }} IN (SELECT business_date FROM checked_date)
  {%- if not loop.last %} OR {% endif -%}
  {%- endfor %}
