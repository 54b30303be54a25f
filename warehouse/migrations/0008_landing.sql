-- What was given up on purpose, and what became of the records that were refused.

-- A gap in what was landed, accepted by a person with `gridrates land --accept-loss`; kept for ever.
-- `lost_count` is null where it cannot be known: the log that held the records is gone.
CREATE TABLE raw_accepted_loss (
  kafka_topic VARCHAR NOT NULL,
  kafka_partition INTEGER NOT NULL,
  reason_code VARCHAR NOT NULL,
  reason_text VARCHAR NOT NULL,
  from_offset BIGINT NOT NULL,
  to_offset BIGINT NOT NULL,
  lost_count BIGINT,
  accepted_at TIMESTAMPTZ NOT NULL,
  accepted_by VARCHAR NOT NULL,
  program_version VARCHAR NOT NULL
);

-- How far the rejects have been mirrored to the dead-letter topic, and where that topic ended then: what it
-- holds beyond was mirrored by a process that died before it could say so here.
CREATE TABLE raw_dead_letter_mirror (
  kafka_topic VARCHAR NOT NULL,
  mirror_id VARCHAR NOT NULL,
  last_reject_id BIGINT NOT NULL,
  end_offsets MAP (INTEGER, BIGINT) NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);

-- Every replay and every discard of a reject: who, when, how it was mended, and what was sent.
CREATE TABLE raw_dead_letter_action (
  reject_id BIGINT NOT NULL,
  action VARCHAR NOT NULL,
  mending VARCHAR,
  note VARCHAR,
  payload BLOB,
  acted_at TIMESTAMPTZ NOT NULL,
  acted_by VARCHAR NOT NULL,
  program_version VARCHAR NOT NULL
);
