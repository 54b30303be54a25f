-- What each rule of the gate expects, as it was worded last.
SELECT
  table_name || '.' || rule AS rule,
  arg_max(meaning_zh, checked_at) AS meaning_zh,
  arg_max(meaning_en, checked_at) AS meaning_en
FROM quality_results
WHERE meaning_zh IS NOT NULL AND meaning_en IS NOT NULL
GROUP BY table_name, rule
