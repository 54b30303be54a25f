SELECT max(business_date) AS newest_date
FROM {{ everything('out_daily_rates') }}
WHERE reported_count > 0 AND level = 'total'
HAVING max(business_date) < {{ as_of_date }} - INTERVAL ({{ freshness_days }}) DAY
