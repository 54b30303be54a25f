-- What was measured of the pipeline itself: one row a check and what it is about, each time it was looked at.

CREATE TABLE ops_pipeline_health (
  checked_at TIMESTAMPTZ NOT NULL,
  check_name VARCHAR NOT NULL,
  subject VARCHAR NOT NULL,
  value DOUBLE,
  unit VARCHAR NOT NULL,
  limit_value DOUBLE,
  level VARCHAR NOT NULL,
  detail VARCHAR
);
