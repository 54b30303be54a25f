SELECT *
FROM open_cases
WHERE list_contains($levels, level) AND work_type = $work_type
