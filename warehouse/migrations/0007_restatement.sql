-- What was published when. `out_daily_rates_version` itself is made by the transforms: its columns are those
-- of the indicator family.

-- Why final dates were computed again: the cases that count on them, and the landing batches that told.
CREATE TABLE ops_restatement_cause (
  business_date DATE NOT NULL,
  case_id VARCHAR NOT NULL,
  after_batch_id BIGINT NOT NULL,
  last_batch_id BIGINT NOT NULL,
  noted_at TIMESTAMPTZ NOT NULL
);

-- One row a figure that changed after it was published as final. A figure that had no row is NULL.
CREATE TABLE out_restatement (
  business_date DATE NOT NULL,
  level VARCHAR NOT NULL,
  code VARCHAR NOT NULL,
  work_type VARCHAR NOT NULL,
  indicator VARCHAR NOT NULL,
  value_before DOUBLE,
  value_after DOUBLE,
  published_at TIMESTAMPTZ NOT NULL,
  restated_at TIMESTAMPTZ NOT NULL,
  after_batch_id BIGINT,
  last_batch_id BIGINT,
  late_event_count BIGINT NOT NULL,
  case_ids VARCHAR[] NOT NULL
);
