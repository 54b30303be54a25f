-- The next rejects to mirror, so many and about so many bytes. Times as text: they travel in a header.
SELECT
  reject_id, reason_code, reason_text, record_key, payload, headers,
  kafka_topic, kafka_partition, kafka_offset,
  strftime(rejected_at, '%Y-%m-%dT%H:%M:%S.%fZ') AS rejected_at
FROM (FROM raw_rejected_event WHERE reject_id > $after ORDER BY reject_id LIMIT $most) AS next_ones
WINDOW earlier AS (ORDER BY reject_id)
QUALIFY sum(coalesce(octet_length(payload), 0)) OVER earlier <= $bytes OR row_number() OVER earlier = 1
ORDER BY reject_id;
