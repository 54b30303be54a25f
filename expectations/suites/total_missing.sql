SELECT DISTINCT business_date, 'total' AS level, 'total' AS code, 'all' AS work_type
FROM out_daily_rates
ANTI JOIN (
  SELECT business_date FROM out_daily_rates WHERE level = 'total' AND code = 'total'
) AS totalled USING (business_date)
