-- Whose rows are made again on which date: of the grid tree, every node above a place whose counts changed.
CREATE OR REPLACE TEMP TABLE stale_member AS
SELECT cell.business_date, cell.dimension, node.level, node.code
FROM stale_cell AS cell
INNER JOIN core_grid_path_node AS node ON cell.member_code = node.path_id
WHERE cell.dimension = 'grid'
UNION
SELECT business_date, dimension, dimension AS level, member_code AS code
FROM stale_cell
WHERE dimension <> 'grid'
