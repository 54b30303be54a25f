-- The last business date that was over when the file was made and on which anything happened.
SELECT max(rates.business_date)
FROM daily_rates AS rates
WHERE
  rates.level = 'total'
  AND rates.work_type = 'all'
  AND rates.business_date < $running
  AND rates.reported_count
  + rates.filed_count
  + rates.dispatched_count
  + rates.signed_count
  + rates.handled_count
  + rates.closed_count
  + rates.visited_count > 0
