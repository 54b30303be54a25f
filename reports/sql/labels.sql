SELECT
  column_name,
  column_zh,
  meaning
FROM data_dictionary
WHERE table_name IN ('daily_rates', 'open_cases')
