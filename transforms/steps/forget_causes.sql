DELETE FROM ops_restatement_cause WHERE business_date IN (SELECT business_date FROM release_date)
