-- Partitions whose saved offset is neither where their last batch ended nor where a person who accepted a loss let
-- landing go on; a saved offset without any batch is a start. Losses in a row count as one.
WITH RECURSIVE accepted AS (
  SELECT kafka_topic, kafka_partition, from_offset, to_offset
  FROM raw_accepted_loss
  UNION
  SELECT accepted.kafka_topic, accepted.kafka_partition, accepted.from_offset, more.to_offset
  FROM accepted
  INNER JOIN raw_accepted_loss AS more
    ON accepted.kafka_topic = more.kafka_topic
      AND accepted.kafka_partition = more.kafka_partition
      AND accepted.to_offset = more.from_offset
),

ledger AS (
  SELECT kafka_topic, kafka_partition, arg_max(to_offset, batch_id) AS ledger_offset
  FROM {{ everything('raw_landing_batch') }}
  GROUP BY ALL
)

SELECT saved.kafka_topic, saved.kafka_partition, saved.next_offset, ledger.ledger_offset
FROM raw_landing_offset AS saved
INNER JOIN ledger
  ON saved.kafka_topic = ledger.kafka_topic AND saved.kafka_partition = ledger.kafka_partition
ANTI JOIN accepted
  ON saved.kafka_topic = accepted.kafka_topic
    AND saved.kafka_partition = accepted.kafka_partition
    AND ledger.ledger_offset = accepted.from_offset
    AND saved.next_offset = accepted.to_offset
WHERE saved.next_offset <> ledger.ledger_offset
