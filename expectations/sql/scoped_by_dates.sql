-- Hides the table behind its rows that count on a checked date. Only this cursor sees it.
CREATE OR REPLACE TEMP VIEW {{ table | ident }} AS
SELECT *
FROM {{ everything(table) }}
WHERE
  {% for column in dates -%}
  {{ column | ident }} IN (SELECT business_date FROM checked_date)
  {%- if not loop.last %} OR {% endif -%}
  {%- endfor %}
