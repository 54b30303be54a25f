SELECT
  generation,
  published_at,
  first_date,
  last_date,
  (SELECT max(last_event_at) FROM cases) AS newest_event_at
FROM publication
