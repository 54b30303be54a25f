-- Cases that make a published date stale, and the batches that told.
INSERT INTO ops_restatement_cause
SELECT DISTINCT
  touched.business_date,
  touched.case_id,
  (SELECT last_batch_id FROM ops_transform_state),
  $last_batch,
  now()
FROM touched_date AS touched
INNER JOIN ops_business_date AS mark ON touched.business_date = mark.business_date
WHERE touched.case_id IS NOT NULL AND mark.published_at IS NOT NULL
