SELECT task.*
FROM {{ table | ident }} AS task
INNER JOIN {{ everything('core_case') }} AS core_case ON task.case_id = core_case.case_id
WHERE task.signed_at > task.handled_at AND NOT list_contains(core_case.anomalies, 'signed_after_handling')
