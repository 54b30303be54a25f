-- Dates to be made again as a whole: a rebuild said so, or somebody asked for them without anything being stale.
CREATE OR REPLACE TEMP TABLE whole_date AS
SELECT business_date
FROM stale_date
WHERE business_date IN (SELECT business_date FROM ops_stale_cell WHERE dimension IS NULL)
  OR business_date NOT IN (SELECT business_date FROM ops_stale_cell)
