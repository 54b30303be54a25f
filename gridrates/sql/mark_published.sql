UPDATE ops_business_date
SET state = 'published', published_at = now(), generation = $generation, reason = NULL
WHERE state = 'computed'
