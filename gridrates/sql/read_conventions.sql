SELECT * FROM conventions WHERE NOT is_default ORDER BY position
