DELETE FROM ops_pending_cell WHERE business_date IN (SELECT business_date FROM stale_date)
