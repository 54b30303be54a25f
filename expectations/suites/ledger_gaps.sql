-- Entries that do not begin where the one before them in their partition ended.
SELECT *
FROM (
  SELECT
    *,
    lag(to_offset, 1, from_offset) OVER (
      PARTITION BY kafka_topic, kafka_partition ORDER BY batch_id
    ) AS expected_offset
  FROM {{ everything('raw_landing_batch') }}
) AS followed
SEMI JOIN raw_landing_batch USING (batch_id, kafka_topic, kafka_partition)
WHERE from_offset <> expected_offset OR to_offset < from_offset
