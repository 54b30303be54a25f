-- How long the working calendar still reaches.
SELECT
  'calendar' AS subject,
  date_diff('day', $now::TIMESTAMPTZ::DATE, max(calendar_date))::DOUBLE AS value
FROM core_calendar
HAVING count(*) > 0
