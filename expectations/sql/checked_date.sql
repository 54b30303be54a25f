-- The business dates a check is limited to.
CREATE OR REPLACE TEMP TABLE checked_date (business_date DATE)
