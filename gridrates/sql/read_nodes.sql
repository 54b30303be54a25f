-- The nodes of every tree as drawn on a date, the main tree first, with their distance from the root.
WITH RECURSIVE
drawn AS (
  SELECT *
  FROM grids
  WHERE coalesce(valid_from <= $day, true) AND coalesce($day < valid_to, true)
),

placed AS (
  SELECT
    *,
    0 AS depth
  FROM drawn
  WHERE NOT EXISTS (
    SELECT 1
    FROM drawn AS above
    WHERE above.tree = drawn.tree AND above.grid_code = drawn.parent_code
  )
  UNION ALL
  SELECT
    drawn.*,
    placed.depth + 1 AS depth
  FROM drawn
  INNER JOIN placed ON drawn.tree = placed.tree AND drawn.parent_code = placed.grid_code
)

SELECT
  tree,
  level,
  grid_code AS code,
  name_zh,
  name_en,
  depth
FROM placed
ORDER BY tree = 'grid' DESC, tree, depth, grid_code
