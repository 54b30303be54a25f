CREATE TABLE landed (
  event_id VARCHAR,
  source VARCHAR,
  event_type VARCHAR,
  subject_id VARCHAR,
  occurred_at TIMESTAMPTZ,
  data VARCHAR,
  kafka_partition INTEGER,
  kafka_offset BIGINT
);
