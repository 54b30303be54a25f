CREATE TABLE IF NOT EXISTS ops_migration (
  number INTEGER NOT NULL,
  name VARCHAR NOT NULL,
  applied_at TIMESTAMPTZ NOT NULL,
  program_version VARCHAR NOT NULL
);
