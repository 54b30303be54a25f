-- How far the transforms are, and the record of what was published and restated.

-- One row: the last landing batch folded, and what the derived tables were made with. When the profile or
-- a model changes, everything derived is made again.
CREATE TABLE ops_transform_state (
  last_batch_id BIGINT NOT NULL,
  fingerprint VARCHAR NOT NULL,
  as_of_date DATE NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
