SELECT *, rowid AS history_row, json(payload) AS minified
FROM raw_event
WHERE rowid IN (SELECT history_row FROM wanted);
