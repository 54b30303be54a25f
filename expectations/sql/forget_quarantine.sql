DELETE FROM ops_quality_quarantine
WHERE
  list_contains($tables, table_name)
  AND ($everything OR business_date IS NULL OR business_date IN (SELECT business_date FROM checked_date))
