-- Good rows of a batch, but for those that are left out: doubtful, duplicate or in conflict.
INSERT INTO raw_event BY NAME
SELECT
  * EXCLUDE (n) REPLACE (CASE WHEN $keep_payload THEN payload END AS payload),
  $topic AS kafka_topic,
  $batch_id AS batch_id,
  now() AS landed_at
FROM rows
WHERE n NOT IN (SELECT n FROM left_out);
