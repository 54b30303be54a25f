-- Dead letters in the order they were refused, after one of them: so many and about so many bytes.
SELECT
  reject_id, status, reason_code, reason_text, source, event_id, record_key, payload, headers,
  kafka_topic, kafka_partition, kafka_offset, rejected_at
FROM (
  FROM raw_rejected_event
  WHERE
    reject_id > $after
    AND ($status IS NULL OR status = $status)
    AND ($reason IS NULL OR reason_code = $reason)
    AND (len($ids) = 0 OR reject_id IN (SELECT unnest($ids)))
  ORDER BY reject_id
  LIMIT $most
) AS next_ones
WINDOW earlier AS (ORDER BY reject_id)
QUALIFY sum(coalesce(octet_length(payload), 0)) OVER earlier <= $bytes OR row_number() OVER earlier = 1
ORDER BY reject_id;
