-- Landed events that carry a wanted hash, between two times: the table's zone maps leave out the rest.
SELECT source, event_id, payload_hash, id_hash, rowid AS history_row
FROM raw_event
SEMI JOIN wanted USING (id_hash)
WHERE occurred_at BETWEEN CAST($first AS TIMESTAMPTZ) AND CAST($last AS TIMESTAMPTZ)
ORDER BY history_row;
