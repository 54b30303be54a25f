-- The dates of which the file can know anything: from the first with figures to the day it was made on, or to a
-- later one where a business day begins before midnight.
SELECT
  first_date,
  greatest(
    CAST(published_at AT TIME ZONE time_zone AS DATE),
    (SELECT max(business_date) FROM published_dates)
  )
FROM publication
