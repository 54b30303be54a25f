-- How old the published file is. The tables that go by business date are added to it, each by its newest one.
SELECT
  'publication' AS subject,
  epoch($now::TIMESTAMPTZ - published_at) AS value
FROM publication
