-- What units, categories and channels are called, by the codes the figures use.
SELECT
  'unit' AS level,
  unit_code AS code,
  name_zh,
  name_en
FROM units
UNION ALL
SELECT
  'category' AS level,
  category_system || ':' || category_code AS code,
  name_zh,
  name_en
FROM categories
UNION ALL
SELECT
  'channel' AS level,
  channel AS code,
  name_zh,
  name_en
FROM channels
