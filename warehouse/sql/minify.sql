-- What DuckDB makes of payloads that need a closer look: JSON without blanks, or null where it reads none.
SELECT CASE WHEN json_valid(s) THEN json(s) END AS minified
FROM doubtful;
