SELECT action, mending, note, payload, acted_at, acted_by, program_version
FROM raw_dead_letter_action
WHERE reject_id = $reject_id
ORDER BY acted_at;
