INSERT INTO ops_migration (number, name, applied_at, program_version)
VALUES (?, ?, now(), ?);
