-- What the rates do not know yet: changes of counts (core_daily_cohort) since the rates of a date were made; or,
-- without a dimension, that the rates of a date have to be made from all of its counts.
DROP TABLE ops_stale_cell;

-- A view from now on; whatever derived tables there are is rebuilt with the models' next change.
DROP TABLE IF EXISTS core_period_cohort;

CREATE TABLE ops_pending_cell (
  business_date DATE NOT NULL,
  dimension VARCHAR,
  member_code VARCHAR,
  work_type VARCHAR,
  cohort VARCHAR,
  done_within SMALLINT,
  due_count BIGINT,
  on_time_count BIGINT,
  points_sum BIGINT
);
