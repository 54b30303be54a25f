SELECT
  tree,
  grid_code AS code,
  parent_code
FROM grids
WHERE coalesce(valid_from <= $day, true) AND coalesce($day < valid_to, true)
