SELECT {{ table | ident }}.*
FROM {{ table | ident }}
ANTI JOIN {{ everything('core_case') }} AS core_case USING (case_id)
