-- What was held back of what is judged anew.
DELETE FROM ops_quality_hold
WHERE
  suite = $suite
  AND ($everything OR business_date IS NULL OR business_date IN (SELECT business_date FROM checked_date))
