DELETE FROM ops_stale_cell WHERE business_date IN (SELECT business_date FROM stale_date)
