-- The dates of which the file can know anything: from the first with figures to the day it was made on.
SELECT first_date, CAST(published_at AT TIME ZONE time_zone AS DATE) FROM publication
