CREATE OR REPLACE TEMP TABLE touched_date (business_date DATE, case_id VARCHAR)
