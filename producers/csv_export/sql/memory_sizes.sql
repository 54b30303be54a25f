-- How many rows the largest step of a comparison goes through.
SELECT
  (SELECT count(*) FROM seen)
  + (SELECT count(*) FROM kept.standing_row)
  + (SELECT count(*) FROM pending.standing_row)
