-- Dates whose figures the gate keeps from being published.
SELECT
  'all' AS subject,
  count(*)::DOUBLE AS value
FROM ops_business_date
WHERE state = 'held_back'
