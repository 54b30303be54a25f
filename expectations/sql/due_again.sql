UPDATE ops_business_date SET state = 'computed' WHERE business_date = $business_date AND state = 'held_back'
