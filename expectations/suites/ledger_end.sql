-- Partitions whose saved offset is neither where their last batch ended nor where a person who accepted a loss let
-- landing go on; a saved offset without any batch is a start. Losses in a row count as one.
WITH RECURSIVE {% include 'accepted_losses.sql.j2' %},

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
