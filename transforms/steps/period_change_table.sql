-- The counts to be added to the rates of periods. Those of a date that is made again for the asking are in them.
CREATE OR REPLACE TEMP TABLE period_change AS
SELECT *
FROM daily_change
WHERE business_date NOT IN (SELECT business_date FROM whole_date WHERE NOT is_new)
