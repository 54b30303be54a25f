SELECT business_date FROM ops_business_date WHERE state = 'computed' ORDER BY business_date
