-- Rows of earlier imports that are not in this one, and those that changed and could not be corrected.
SELECT
  (
    SELECT count(DISTINCT kept.standing_row.row_key)
    FROM kept.standing_row
    ANTI JOIN seen ON kept.standing_row.row_key = seen.row_key
    ANTI JOIN refused ON kept.standing_row.row_key = refused.row_key
  ) AS vanished,
  (
    SELECT count(DISTINCT dropped.row_key)
    FROM dropped
    SEMI JOIN ambiguous ON dropped.row_key = ambiguous.row_key
  ) AS uncorrected,
  (SELECT count(*) FROM to_retract) AS retracted
