-- How much of what was read within a day was refused, by topic.
SELECT
  kafka_topic AS subject,
  sum(rejected_count)::DOUBLE / sum(read_count) AS value
FROM raw_landing_batch
WHERE committed_at > $now::TIMESTAMPTZ - INTERVAL 1 DAY
GROUP BY ALL
HAVING sum(read_count) > 0
