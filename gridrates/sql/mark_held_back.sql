-- Of the dates just computed: those a critical rule holds back wait, with the rules that do.
UPDATE ops_business_date AS mark
SET state = 'held_back', reason = held.rules
FROM (
  SELECT business_date, string_agg(DISTINCT table_name || '.' || rule, '; ' ORDER BY table_name || '.' || rule) AS rules
  FROM ops_quality_hold
  WHERE business_date IS NOT NULL AND NOT is_released
  GROUP BY business_date
) AS held
WHERE mark.business_date = held.business_date AND mark.state = 'computed'
