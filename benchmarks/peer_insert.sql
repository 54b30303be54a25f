-- What a peer lands of a batch: the envelope, typed; what is no JSON is left out.
INSERT INTO landed
SELECT
  e.id, e.source, e.type, e.subject, try_cast(e.time AS TIMESTAMPTZ), e.data,
  $partition, kafka_offset
FROM (
  SELECT
    kafka_offset,
    from_json(
      s, '{"id":"VARCHAR","source":"VARCHAR","type":"VARCHAR","subject":"VARCHAR","time":"VARCHAR","data":"VARCHAR"}'
    ) AS e
  FROM (SELECT kafka_offset, payload AS s FROM arrived) AS texts
  WHERE json_valid(s)
) AS parsed;
