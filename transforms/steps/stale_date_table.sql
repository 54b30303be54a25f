CREATE OR REPLACE TEMP TABLE stale_date (business_date DATE)
