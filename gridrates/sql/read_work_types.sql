SELECT * FROM work_types ORDER BY work_type
