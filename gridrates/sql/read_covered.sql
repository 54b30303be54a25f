-- The dates of which the file can know anything: from the first with figures to the one that was running when it
-- was made.
SELECT
  first_date,
  greatest($running, (SELECT max(business_date) FROM published_dates))
FROM publication
