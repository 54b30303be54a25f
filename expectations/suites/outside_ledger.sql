-- Rows whose batch has no entry in the ledger, or whose offset lies outside what the entry covers.
SELECT landed.*
FROM {{ table | ident }} AS landed
LEFT JOIN raw_landing_batch AS batch
  ON landed.batch_id = batch.batch_id
    AND landed.kafka_topic = batch.kafka_topic
    AND landed.kafka_partition = batch.kafka_partition
WHERE
  batch.batch_id IS NULL
  OR landed.kafka_offset < batch.from_offset
  OR landed.kafka_offset >= batch.to_offset
