-- Entries that do not begin where the one before them in their partition ended, nor where a person who accepted a
-- loss let landing go on. Losses in a row, with no entry between them, count as one.
WITH RECURSIVE {% include 'accepted_losses.sql.j2' %},

followed AS (
  SELECT
    *,
    lag(to_offset, 1, from_offset) OVER (
      PARTITION BY kafka_topic, kafka_partition ORDER BY batch_id
    ) AS expected_offset
  FROM {{ everything('raw_landing_batch') }}
)

SELECT followed.*
FROM followed
SEMI JOIN raw_landing_batch USING (batch_id, kafka_topic, kafka_partition)
LEFT JOIN accepted
  ON followed.kafka_topic = accepted.kafka_topic
    AND followed.kafka_partition = accepted.kafka_partition
    AND followed.expected_offset = accepted.from_offset
    AND followed.from_offset = accepted.to_offset
WHERE
  followed.to_offset < followed.from_offset
  OR (followed.from_offset <> followed.expected_offset AND accepted.from_offset IS NULL)
