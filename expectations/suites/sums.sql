-- Where a measure of the whole is not the sum of its parts'.
WITH whole AS (
  SELECT
    {{ by | map('ident') | join(', ') }},
    {% for code in measures %}
    sum({{ code | ident }}) AS {{ code | ident }}{{ ',' if not loop.last }}
    {% endfor %}
  FROM {{ whole | ident }}
  WHERE {{ whole_where }}
  GROUP BY ALL
),

part AS (
  SELECT
    {{ by | map('ident') | join(', ') }},
    {% for code in measures %}
    sum({{ code | ident }}) AS {{ code | ident }}{{ ',' if not loop.last }}
    {% endfor %}
  FROM {{ parts | ident }}
  WHERE {{ parts_where }}
  GROUP BY ALL
)

SELECT {{ by | map('ident') | join(', ') }}
FROM whole
FULL JOIN part USING ({{ by | map('ident') | join(', ') }})
WHERE
  {% for code in measures %}
  abs(coalesce(whole.{{ code | ident }}, 0) - coalesce(part.{{ code | ident }}, 0)) > 1e-6{{ ' OR' if not loop.last }}
  {% endfor %}
