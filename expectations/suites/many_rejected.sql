SELECT
  kafka_topic,
  sum(rejected_count) AS rejected_count,
  sum(read_count) AS read_count
FROM raw_landing_batch
GROUP BY kafka_topic
HAVING sum(rejected_count) > {{ rejected_share }} * sum(read_count)
