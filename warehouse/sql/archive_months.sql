-- Months, in UTC, that are over since before the given moment and in which events landed whose payload is kept.
SELECT DISTINCT date_trunc('month', landed_at) AS month
FROM raw_event
WHERE payload IS NOT NULL AND landed_at < $before::TIMESTAMPTZ
ORDER BY month
