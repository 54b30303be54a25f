SELECT business_date FROM ops_business_date WHERE state = 'stale' ORDER BY business_date
