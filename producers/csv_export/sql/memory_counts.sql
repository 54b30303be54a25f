-- Rows of earlier imports that are not in this one, and those that changed and could not be corrected.
SELECT
  (
    SELECT count(DISTINCT row_key)
    FROM kept.standing_row
    WHERE row_key NOT IN (SELECT row_key FROM seen) AND row_key NOT IN (SELECT row_key FROM refused)
  ) AS vanished,
  (
    SELECT count(DISTINCT row_key)
    FROM dropped
    WHERE row_key IN (SELECT row_key FROM ambiguous)
  ) AS uncorrected,
  (SELECT count(*) FROM to_retract) AS retracted
