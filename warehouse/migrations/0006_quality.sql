-- What a rule means, beside whether it held.
ALTER TABLE ops_quality_result ADD COLUMN meaning_zh VARCHAR;

ALTER TABLE ops_quality_result ADD COLUMN meaning_en VARCHAR;

-- What critical rules hold back at this moment: a business date, or everything where the date is NULL.
CREATE TABLE ops_quality_hold (
  suite VARCHAR NOT NULL,
  table_name VARCHAR NOT NULL,
  rule VARCHAR NOT NULL,
  business_date DATE,
  failing_count BIGINT NOT NULL,
  remedy VARCHAR NOT NULL,
  run_id VARCHAR NOT NULL,
  held_at TIMESTAMPTZ NOT NULL,
  is_released BOOLEAN NOT NULL
);

-- Who let what pass all the same, and why. It covers as many failing rows as there were when it was granted.
CREATE TABLE ops_quality_override (
  table_name VARCHAR NOT NULL,
  rule VARCHAR NOT NULL,
  business_date DATE,
  failing_count BIGINT NOT NULL,
  granted_by VARCHAR NOT NULL,
  reason VARCHAR NOT NULL,
  granted_at TIMESTAMPTZ NOT NULL
);

-- The last batch each suite has let pass: the next check begins behind it.
CREATE TABLE ops_quality_mark (
  suite VARCHAR NOT NULL,
  batch_id BIGINT NOT NULL,
  run_id VARCHAR NOT NULL,
  marked_at TIMESTAMPTZ NOT NULL
);
