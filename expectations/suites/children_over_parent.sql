-- A case counts at a node and at all nodes above it, as the tree was drawn when the case was filed. Nodes that
-- were ever drawn anew are left out: their old cases belong to another parent than their new ones.
WITH steady AS (
  SELECT
    tree,
    grid_code,
    any_value(level) AS level,
    any_value(parent_code) AS parent_code
  FROM core_grid
  GROUP BY tree, grid_code
  HAVING count(*) = 1
),

edge AS (
  SELECT
    child.tree,
    child.level AS child_level,
    child.grid_code AS child_code,
    parent.level AS level,
    parent.grid_code AS code
  FROM steady AS child
  INNER JOIN steady AS parent ON child.tree = parent.tree AND child.parent_code = parent.grid_code
),

summed AS (
  SELECT
    child.business_date,
    edge.tree,
    edge.level,
    edge.code,
    child.work_type,
    {% for code in measures %}
    sum(child.{{ code | ident }}) AS {{ code | ident }}{{ ',' if not loop.last }}
    {% endfor %}
  FROM out_daily_rates AS child
  INNER JOIN edge ON child.level = edge.child_level AND child.code = edge.child_code
  GROUP BY ALL
)

SELECT DISTINCT summed.business_date, summed.level, summed.code, summed.work_type
FROM summed
LEFT JOIN out_daily_rates AS parent USING (business_date, level, code, work_type)
WHERE
  {% for code in measures %}
  summed.{{ code | ident }} > coalesce(parent.{{ code | ident }}, 0) + 1e-6{{ ' OR' if not loop.last }}
  {% endfor %}
