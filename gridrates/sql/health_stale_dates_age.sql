-- How long the date that waits longest has been waiting to be published. Held back is another matter.
SELECT
  strftime(arg_min(business_date, marked_at), '%Y-%m-%d') AS subject,
  epoch($now::TIMESTAMPTZ - min(marked_at)) AS value
FROM ops_business_date
WHERE state IN ('stale', 'computed')
HAVING count(*) > 0
