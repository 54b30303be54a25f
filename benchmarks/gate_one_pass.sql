-- The raw suite as somebody would write it by hand for speed: the events are read once, whatever is asked of them.
-- Keys are counted by their hashes, which tells as well as the keys whether one came twice.
WITH expected AS (
  SELECT
    batch_id,
    kafka_topic,
    kafka_partition,
    from_offset,
    to_offset,
    landed_count
  FROM raw_landing_batch
),

told AS (
  SELECT
    count(*) AS event_count,
    count(*) - count(DISTINCT hash(source, event_id)) AS doubled_events,
    count(*) - count(DISTINCT hash(kafka_topic, kafka_partition, kafka_offset)) AS doubled_positions,
    count(*) FILTER (
      WHERE
        batch.batch_id IS NULL
        OR landed.kafka_offset < batch.from_offset
        OR landed.kafka_offset >= batch.to_offset
    ) AS outside_ledger,
    count(*) FILTER (
      WHERE CASE WHEN may_be_personal(coalesce(payload, '')) THEN len(personal_data_in(coalesce(payload, ''))) > 0 ELSE FALSE END
    ) AS personal,
    max(occurred_at) AS newest_at,
    {% for where in predicates %}
    count(*) FILTER (WHERE {{ where }}) AS broken_{{ loop.index }}{{ ',' if not loop.last }}
    {% endfor %}
  FROM raw_event AS landed
  LEFT JOIN expected AS batch USING (batch_id, kafka_topic, kafka_partition)
)

SELECT told.*, (SELECT sum(landed_count) FROM expected) - told.event_count AS missing_events FROM told
