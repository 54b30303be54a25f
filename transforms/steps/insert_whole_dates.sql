-- The rates of each of these dates are to be made from all of its counts.
INSERT INTO ops_pending_cell (business_date) SELECT DISTINCT business_date FROM touched_date
