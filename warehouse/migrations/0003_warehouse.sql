-- What the file is: one row, written when it is created.

CREATE TABLE ops_warehouse (
  created_at TIMESTAMPTZ NOT NULL,
  profile VARCHAR NOT NULL
);
