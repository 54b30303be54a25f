MERGE INTO ops_business_date AS mark
USING stale_date AS done ON mark.business_date = done.business_date
WHEN MATCHED THEN UPDATE SET state = 'computed', computed_at = now()
WHEN NOT MATCHED THEN INSERT (business_date, state, marked_at, computed_at)
  VALUES (done.business_date, 'computed', now(), now())
