-- What ran, what was checked, and where each business date stands.

CREATE TABLE ops_pipeline_run (
  run_id VARCHAR NOT NULL,
  stage VARCHAR NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  ended_at TIMESTAMPTZ,
  state VARCHAR NOT NULL,
  row_count BIGINT,
  detail VARCHAR,
  program_version VARCHAR NOT NULL
);

-- One row an expectation and check: also the proof that a figure passed.
CREATE TABLE ops_quality_result (
  run_id VARCHAR NOT NULL,
  checked_at TIMESTAMPTZ NOT NULL,
  suite VARCHAR NOT NULL,
  table_name VARCHAR NOT NULL,
  rule VARCHAR NOT NULL,
  severity VARCHAR NOT NULL,
  is_passed BOOLEAN NOT NULL,
  observed_value VARCHAR,
  failing_count BIGINT,
  detail VARCHAR
);

-- Rows a critical rule failed, found by the SQL of that rule.
CREATE TABLE ops_quality_quarantine (
  run_id VARCHAR NOT NULL,
  table_name VARCHAR NOT NULL,
  rule VARCHAR NOT NULL,
  row_key VARCHAR NOT NULL,
  business_date DATE,
  remedy VARCHAR
);

-- Marks of business dates: stale (recompute), computed (check and publish), published, held_back.
CREATE TABLE ops_business_date (
  business_date DATE NOT NULL,
  state VARCHAR NOT NULL,
  marked_at TIMESTAMPTZ NOT NULL,
  computed_at TIMESTAMPTZ,
  published_at TIMESTAMPTZ,
  generation BIGINT,
  reason VARCHAR
);
