SELECT count(*) > 0
FROM published_dates
WHERE business_date = CAST($day AS DATE) AND NOT is_stale
