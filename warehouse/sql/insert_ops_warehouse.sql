INSERT INTO ops_warehouse (created_at, profile)
VALUES (now(), ?);
