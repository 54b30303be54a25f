-- Dates with work left: to compute, or to check and publish. A held-back date waits for new events.
SELECT business_date FROM ops_business_date WHERE state IN ('stale', 'computed') ORDER BY business_date
