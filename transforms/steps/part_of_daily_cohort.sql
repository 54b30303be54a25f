-- What the rows of stale members are made of: a node of the tree needs all places below it.
SELECT *
FROM core_daily_cohort
WHERE business_date IN (SELECT business_date FROM stale_cell)
  AND (dimension = 'grid' OR (business_date, dimension, member_code) IN (FROM stale_cell))
