-- The last day that was over when the file was made and on which anything happened.
SELECT max(rates.business_date)
FROM daily_rates AS rates
CROSS JOIN publication
WHERE
  rates.level = 'total'
  AND rates.work_type = 'all'
  AND rates.business_date < CAST(publication.published_at AT TIME ZONE publication.time_zone AS DATE)
  AND rates.reported_count
  + rates.filed_count
  + rates.dispatched_count
  + rates.signed_count
  + rates.handled_count
  + rates.closed_count
  + rates.visited_count > 0
