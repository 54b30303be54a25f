-- Hides the table behind the rows of batches that have not passed a check yet. Only this cursor sees it.
CREATE OR REPLACE TEMP VIEW {{ table | ident }} AS
SELECT * FROM {{ everything(table) }} WHERE batch_id > {{ after_batch }}
