-- From when to when the events of touched cases lie: those that were folded, and those that are new. Outside of
-- it stands nothing of theirs but what was taken back.
SELECT min(first_at), max(last_at)
FROM (
  SELECT min(occurred_at) AS first_at, max(occurred_at) AS last_at
  FROM raw_event
  WHERE batch_id > (SELECT last_batch_id FROM ops_transform_state)
  UNION ALL
  SELECT min(first_event_at) AS first_at, max(last_event_at) AS last_at
  FROM core_case
  WHERE case_id IN (SELECT case_id FROM touched_case)
) AS spans
