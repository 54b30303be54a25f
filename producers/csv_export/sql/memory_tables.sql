-- What stands on the topic, one row a row of an export: its key, the hash of its cells and of the mapping
-- (null when it is not sure that all of its events were sent), its case and the ids of its events.
CREATE TABLE IF NOT EXISTS {{ catalog }}.standing_row (
  run_no BIGINT NOT NULL,
  row_key UBIGINT NOT NULL,
  content UBIGINT,
  subject_id VARCHAR NOT NULL,
  event_ids UUID[] NOT NULL
);

CREATE TABLE IF NOT EXISTS {{ catalog }}.retracted_event (run_no BIGINT NOT NULL, event_id UUID NOT NULL);
