-- Partitions whose saved offset is not where their last batch ended; a saved offset without any batch is a start.
SELECT
  saved.kafka_topic,
  saved.kafka_partition,
  saved.next_offset,
  max(batch.to_offset) AS ledger_offset
FROM raw_landing_offset AS saved
INNER JOIN {{ everything('raw_landing_batch') }} AS batch
  ON saved.kafka_topic = batch.kafka_topic AND saved.kafka_partition = batch.kafka_partition
GROUP BY ALL
HAVING saved.next_offset <> max(batch.to_offset)
