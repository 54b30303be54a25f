-- What of a stale business date has to be made again: the members whose counts changed, or, without a member,
-- all of them.
CREATE TABLE ops_stale_cell (
  business_date DATE NOT NULL,
  dimension VARCHAR,
  member_code VARCHAR
);
