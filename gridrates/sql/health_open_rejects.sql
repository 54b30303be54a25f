-- Rejects that nobody has dealt with, by the source they say they came from.
SELECT
  coalesce(source, 'unknown') AS subject,
  count(*)::DOUBLE AS value
FROM raw_rejected_event
WHERE status = 'open'
GROUP BY ALL
