-- Rules that did not hold when last checked.
SELECT
  suite,
  table_name,
  rule,
  arg_max(severity, checked_at) AS severity,
  arg_max(failing_count, checked_at) AS failing_count,
  arg_max(detail, checked_at) AS detail
FROM quality_results
GROUP BY suite, table_name, rule
HAVING NOT arg_max(is_passed, checked_at)
ORDER BY severity, table_name, rule
