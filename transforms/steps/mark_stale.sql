-- A date touched again is stale again, whatever became of it before.
MERGE INTO ops_business_date AS mark
USING (SELECT DISTINCT business_date FROM touched_date WHERE business_date <= $as_of) AS touched
ON mark.business_date = touched.business_date
WHEN MATCHED THEN UPDATE SET state = 'stale', marked_at = now(), reason = NULL
WHEN NOT MATCHED THEN INSERT (business_date, state, marked_at) VALUES (touched.business_date, 'stale', now())
