-- Good rows of a batch, but for those that are not landed: doubtful, duplicate or in conflict.
INSERT INTO raw_event BY NAME
SELECT
  * EXCLUDE (n, is_landed) REPLACE (CASE WHEN $keep_payload THEN payload END AS payload),
  $topic AS kafka_topic,
  $batch_id AS batch_id,
  now() AS landed_at
FROM rows
WHERE is_landed;
