-- One row a published column, in the order of the tables, with the type it really has in the file.
SELECT
  described.table_position,
  described.table_name,
  described.table_zh,
  described.column_position,
  described.column_name,
  described.column_zh,
  existing.data_type,
  described.meaning,
  described.unit,
  described.formula,
  described.source
FROM (
  SELECT
    unnest(
      $columns::STRUCT(
        table_position BIGINT,
        table_name VARCHAR,
        table_zh VARCHAR,
        column_position BIGINT,
        column_name VARCHAR,
        column_zh VARCHAR,
        meaning VARCHAR,
        unit VARCHAR,
        formula VARCHAR,
        source VARCHAR
      )[],
      recursive := true
    )
) AS described
INNER JOIN duckdb_columns() AS existing
  ON
    existing.database_name = $catalog
    AND existing.schema_name = 'main'
    AND existing.table_name = described.table_name
    AND existing.column_name = described.column_name
ORDER BY described.table_position, described.column_position
