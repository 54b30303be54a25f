-- Generations of the published file, so that a number is never given twice, whatever happens to the disk.

CREATE TABLE ops_publication (
  generation BIGINT NOT NULL,
  run_id VARCHAR NOT NULL,
  published_at TIMESTAMPTZ NOT NULL,
  first_date DATE,
  last_date DATE,
  date_count BIGINT NOT NULL,
  held_back_count BIGINT NOT NULL,
  row_count BIGINT NOT NULL,
  byte_count BIGINT NOT NULL,
  seconds DOUBLE NOT NULL,
  program_version VARCHAR NOT NULL
);
