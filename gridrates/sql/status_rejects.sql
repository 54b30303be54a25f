SELECT
  reason_code,
  count(*) AS open_count
FROM rejected_events
WHERE status = 'open'
GROUP BY reason_code
ORDER BY open_count DESC, reason_code
