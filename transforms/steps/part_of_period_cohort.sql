SELECT *
FROM core_period_cohort
WHERE (period_type, period_start) IN (SELECT (period_type, period_start) FROM stale_period_member)
  AND (
    dimension = 'grid'
    OR (period_type, period_start, dimension, member_code) IN (
      SELECT (period_type, period_start, dimension, code) FROM stale_period_member
    )
  )
