-- Each of these dates is to be made again as a whole.
DELETE FROM ops_stale_cell;
INSERT INTO ops_stale_cell (business_date) SELECT DISTINCT business_date FROM touched_date
