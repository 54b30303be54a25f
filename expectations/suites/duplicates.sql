-- Rows whose key occurs more than once; where a check is limited, also once more among the rows it leaves out.
-- Keys are grouped by their hash first: eight bytes each, not two texts, so that millions fit into memory.
{% set keys = unique | map('ident') | join(', ') %}
WITH looked_at AS (
  {% if is_scoped and 'business_date' not in unique %}
  SELECT {{ keys }} FROM {{ everything(table) }} AS everything SEMI JOIN {{ table | ident }} USING ({{ keys }})
  {% else %}
  SELECT {{ keys }} FROM {{ table | ident }}
  {% endif %}
),

suspect AS (
  SELECT hash({{ keys }}) AS key_hash FROM looked_at GROUP BY key_hash HAVING count(*) > 1
),

twice AS (
  SELECT {{ keys }}
  FROM looked_at
  SEMI JOIN suspect ON hash({{ keys }}) = suspect.key_hash
  GROUP BY ALL
  HAVING count(*) > 1
)

SELECT {{ table | ident }}.* FROM {{ table | ident }} SEMI JOIN twice USING ({{ keys }})
