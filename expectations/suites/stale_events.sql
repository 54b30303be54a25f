SELECT max(occurred_at) AS newest_at
FROM {{ everything('raw_event') }}
HAVING max(occurred_at) < {{ checked_at }} - INTERVAL ({{ freshness_hours }}) HOUR
