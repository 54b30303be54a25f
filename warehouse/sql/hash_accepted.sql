-- The same two hashes that `parse_events` gives, for rows that were judged one by one.
SELECT
  * EXCLUDE (s),
  hash(source, event_id) AS id_hash,
  hash(s) AS payload_hash
FROM accepted;
