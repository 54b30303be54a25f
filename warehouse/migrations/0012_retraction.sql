-- What was sent and does not hold: the id of the event that a retraction takes back.
ALTER TABLE raw_event ADD COLUMN retracts VARCHAR;
