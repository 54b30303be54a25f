-- Keys with several rows in one import: they are added to, never corrected, for which of their rows followed
-- which, nobody can say.
INSERT INTO ambiguous
SELECT DISTINCT row_key
FROM (
  SELECT -1 AS run_no, row_key, content FROM seen
  UNION ALL
  SELECT run_no, row_key, content FROM kept.standing_row
  UNION ALL
  SELECT run_no, row_key, content FROM pending.standing_row WHERE run_no < (SELECT run_no FROM this_run)
) AS told
WHERE row_key % CAST($slices AS UBIGINT) = CAST($slice AS UBIGINT)
GROUP BY run_no, row_key
HAVING min(content) < max(content)
