SELECT count(*)
FROM raw_event
WHERE
  payload IS NULL
  AND ($first IS NULL OR occurred_at >= $first)
  AND ($last IS NULL OR occurred_at < $last);
