SELECT status, reason_code, count(*) AS letters
FROM raw_rejected_event
GROUP BY ALL
ORDER BY letters DESC, reason_code, status;
