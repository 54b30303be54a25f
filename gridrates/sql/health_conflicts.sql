-- Ids that came again with other content within a day, by source.
SELECT
  coalesce(source, 'unknown') AS subject,
  count(*)::DOUBLE AS value
FROM raw_rejected_event
WHERE reason_code = 'id_conflict' AND rejected_at > $now::TIMESTAMPTZ - INTERVAL 1 DAY
GROUP BY ALL
