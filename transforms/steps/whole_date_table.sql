-- Dates whose rates are made from all of their counts: nothing was counted of them yet (a rebuild said so), or
-- somebody asked for them without anything being due.
CREATE OR REPLACE TEMP TABLE whole_date AS
SELECT due.business_date, bool_or(pending.business_date IS NOT NULL) AS is_new
FROM stale_date AS due
LEFT JOIN ops_pending_cell AS pending ON due.business_date = pending.business_date
LEFT JOIN ops_business_date AS mark ON due.business_date = mark.business_date
GROUP BY due.business_date
HAVING
  bool_or(pending.business_date IS NOT NULL AND pending.dimension IS NULL)
  OR (bool_and(pending.business_date IS NULL) AND coalesce(max(mark.state), '') <> 'stale')
