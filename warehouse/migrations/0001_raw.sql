-- The raw layer: events exactly as they landed, what was refused, and the ledger of landing.

CREATE TABLE raw_event (
  event_id VARCHAR NOT NULL,
  source VARCHAR NOT NULL,
  event_type VARCHAR NOT NULL,
  subject_id VARCHAR NOT NULL,
  occurred_at TIMESTAMPTZ NOT NULL,
  sequence_no BIGINT,
  -- data, one column a field of the contract
  grid_code VARCHAR,
  unit_code VARCHAR,
  tags VARCHAR[],
  place_id VARCHAR,
  asset_id VARCHAR,
  operator_role VARCHAR,
  operator_id VARCHAR,
  reason VARCHAR,
  description VARCHAR,
  longitude DOUBLE,
  latitude DOUBLE,
  work_type VARCHAR,
  category_code VARCHAR,
  category_system VARCHAR,
  condition_no BIGINT,
  channel VARCHAR,
  severity VARCHAR,
  is_public_report BOOLEAN,
  is_missed_report BOOLEAN,
  is_valid BOOLEAN,
  deadline_at TIMESTAMPTZ,
  reporter_hash VARCHAR,
  household_hash VARCHAR,
  merged_into VARCHAR,
  task_id VARCHAR,
  outcome VARCHAR,
  issued_at TIMESTAMPTZ,
  sign_deadline_at TIMESTAMPTZ,
  mediation VARCHAR,
  closure_kind VARCHAR,
  satisfaction VARCHAR,
  satisfaction_score DOUBLE,
  is_contacted BOOLEAN,
  resolution VARCHAR,
  is_reopened BOOLEAN,
  resume_at TIMESTAMPTZ,
  activity_kind VARCHAR,
  started_at TIMESTAMPTZ,
  ended_at TIMESTAMPTZ,
  participant_count BIGINT,
  household_count BIGINT,
  person_count BIGINT,
  problem_count BIGINT,
  corrected_count BIGINT,
  matter_raised_count BIGINT,
  matter_settled_count BIGINT,
  penalty_count BIGINT,
  score DOUBLE,
  case_ids VARCHAR[],
  project_kind VARCHAR,
  stage VARCHAR,
  quantity DOUBLE,
  -- the event's original bytes
  payload VARCHAR USING COMPRESSION zstd,
  -- of (source, event_id) and of the payload: tell at a glance what has been landed before
  id_hash UBIGINT NOT NULL,
  payload_hash UBIGINT,
  -- where it came from
  kafka_topic VARCHAR NOT NULL,
  kafka_partition INTEGER NOT NULL,
  kafka_offset BIGINT NOT NULL,
  kafka_at TIMESTAMPTZ,
  batch_id BIGINT NOT NULL,
  landed_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE raw_rejected_event (
  reject_id BIGINT NOT NULL,
  reason_code VARCHAR NOT NULL,
  reason_text VARCHAR NOT NULL,
  source VARCHAR,
  event_id VARCHAR,
  record_key BLOB,
  payload BLOB,
  headers VARCHAR,
  kafka_topic VARCHAR NOT NULL,
  kafka_partition INTEGER NOT NULL,
  kafka_offset BIGINT NOT NULL,
  kafka_at TIMESTAMPTZ,
  batch_id BIGINT NOT NULL,
  rejected_at TIMESTAMPTZ NOT NULL,
  status VARCHAR NOT NULL DEFAULT 'open'
);

-- Where the next landing starts: the position after the last record landed, one row a partition.
-- `topic_id` is Kafka's own: a topic that was deleted and created again under its name has another.
CREATE TABLE raw_landing_offset (
  kafka_topic VARCHAR NOT NULL,
  kafka_partition INTEGER NOT NULL,
  next_offset BIGINT NOT NULL,
  topic_id VARCHAR,
  updated_at TIMESTAMPTZ NOT NULL
);

-- The ledger: read = landed + duplicates + rejected, one row a transaction and partition.
-- Conflicts are among the rejected. Seconds are of the whole transaction, the same in all its rows.
CREATE TABLE raw_landing_batch (
  batch_id BIGINT NOT NULL,
  kafka_topic VARCHAR NOT NULL,
  kafka_partition INTEGER NOT NULL,
  from_offset BIGINT NOT NULL,
  to_offset BIGINT NOT NULL,
  read_count BIGINT NOT NULL,
  landed_count BIGINT NOT NULL,
  duplicate_count BIGINT NOT NULL,
  rejected_count BIGINT NOT NULL,
  conflict_count BIGINT NOT NULL,
  byte_count BIGINT NOT NULL,
  fetch_seconds DOUBLE NOT NULL,
  parse_seconds DOUBLE NOT NULL,
  write_seconds DOUBLE NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  committed_at TIMESTAMPTZ NOT NULL,
  program_version VARCHAR NOT NULL
);
