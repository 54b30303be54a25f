SELECT
  generation,
  published_at,
  profile,
  time_zone,
  last_date
FROM publication
