-- Rows whose key occurs more than once; where a check is limited, also once more among the rows it leaves out.
SELECT {{ table | ident }}.*
FROM {{ table | ident }}
SEMI JOIN (
  SELECT {{ unique | map('ident') | join(', ') }}
  {% if is_scoped and 'business_date' not in unique %}
  FROM {{ everything(table) }} AS everything
  SEMI JOIN {{ table | ident }} USING ({{ unique | map('ident') | join(', ') }})
  {% else %}
  FROM {{ table | ident }}
  {% endif %}
  GROUP BY ALL
  HAVING count(*) > 1
) AS twice USING ({{ unique | map('ident') | join(', ') }})
