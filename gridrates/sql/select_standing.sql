-- Where each date stands; a date whose rates were never made is not published.
SELECT business_date, state, reason FROM ops_business_date WHERE computed_at IS NOT NULL ORDER BY business_date
