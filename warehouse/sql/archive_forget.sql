-- The table lets go of the bytes; the columns stay, and the hashes by which duplicates are known.
UPDATE raw_event
SET payload = NULL
WHERE
  payload IS NOT NULL
  AND landed_at >= $month::TIMESTAMPTZ AND landed_at < $month::TIMESTAMPTZ + INTERVAL 1 MONTH
