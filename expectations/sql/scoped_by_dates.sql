-- Hides the table behind its rows that count on a checked date. Only this cursor sees it.
CREATE OR REPLACE TEMP VIEW {{ table | ident }} AS
SELECT * FROM {{ everything(table) }} WHERE rowid IN (SELECT row_id FROM {{ ('checked_' ~ table) | ident }})
