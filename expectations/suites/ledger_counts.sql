-- Batches and partitions of which the ledger says another number than there are rows.
SELECT
  batch.batch_id,
  batch.kafka_topic,
  batch.kafka_partition,
  batch.{{ said | ident }} AS said_count,
  coalesce(there.row_count, 0) AS row_count
FROM raw_landing_batch AS batch
LEFT JOIN (
  SELECT batch_id, kafka_topic, kafka_partition, count(*) AS row_count
  FROM {{ rows_of | ident }}
  GROUP BY ALL
) AS there
  ON batch.batch_id = there.batch_id
    AND batch.kafka_topic = there.kafka_topic
    AND batch.kafka_partition = there.kafka_partition
WHERE batch.{{ said | ident }} <> coalesce(there.row_count, 0)
