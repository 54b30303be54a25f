-- Rules by severity as last checked, one verdict a rule.
WITH latest AS (
  SELECT
    suite,
    table_name,
    rule,
    arg_max(severity, checked_at) AS severity,
    arg_max(is_passed, checked_at) AS is_passed
  FROM quality_results
  GROUP BY suite, table_name, rule
)

SELECT
  severity,
  count(*) AS checked_count,
  count(*) FILTER (WHERE NOT is_passed) AS failed_count
FROM latest
GROUP BY severity
ORDER BY severity
