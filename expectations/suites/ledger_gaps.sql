-- Entries that do not begin where the one before them in their partition ended, nor where a person who accepted a
-- loss let landing go on. The two ends are looked for apart: between losses in a row there is no entry.
WITH accepted AS (
  SELECT kafka_topic, kafka_partition, list(from_offset) AS lost_from, list(to_offset) AS resumed_at
  FROM raw_accepted_loss
  GROUP BY ALL
),

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
LEFT JOIN accepted USING (kafka_topic, kafka_partition)
WHERE
  to_offset < from_offset
  OR (
    from_offset <> expected_offset
    AND NOT coalesce(
      list_contains(lost_from, expected_offset) AND list_contains(resumed_at, from_offset),
      FALSE
    )
  )
