-- Partitions whose saved offset is neither where their last batch ended nor where a person who accepted a loss let
-- landing go on; a saved offset without any batch is a start.
WITH accepted AS (
  SELECT kafka_topic, kafka_partition, list(from_offset) AS lost_from, list(to_offset) AS resumed_at
  FROM raw_accepted_loss
  GROUP BY ALL
),

ledger AS (
  SELECT kafka_topic, kafka_partition, arg_max(to_offset, batch_id) AS ledger_offset
  FROM {{ everything('raw_landing_batch') }}
  GROUP BY ALL
)

SELECT kafka_topic, kafka_partition, next_offset, ledger_offset
FROM raw_landing_offset
INNER JOIN ledger USING (kafka_topic, kafka_partition)
LEFT JOIN accepted USING (kafka_topic, kafka_partition)
WHERE
  next_offset <> ledger_offset
  AND NOT coalesce(list_contains(lost_from, ledger_offset) AND list_contains(resumed_at, next_offset), FALSE)
