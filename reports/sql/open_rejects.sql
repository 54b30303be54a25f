SELECT
  reason_code,
  count(*) AS reject_count
FROM rejected_events
WHERE status = 'open'
GROUP BY reason_code
ORDER BY reject_count DESC, reason_code
