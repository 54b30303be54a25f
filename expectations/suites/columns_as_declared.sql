-- Columns that are missing, of another type, or (where the declaration is complete) there without being declared.
WITH declared (column_name, data_type) AS (
  VALUES
    {% for name, kind in declared.items() %}
    ({{ name | literal }}, {{ kind | upper | replace('TIMESTAMPTZ', 'TIMESTAMP WITH TIME ZONE') | literal }}){{ ',' if not loop.last }}
    {% endfor %}
),

there AS (
  SELECT column_name, data_type
  FROM duckdb_columns()
  WHERE database_name = current_database() AND schema_name = 'main' AND table_name = {{ table | literal }}
)

SELECT
  coalesce(declared.column_name, there.column_name) AS column_name,
  declared.data_type AS declared_type,
  there.data_type AS data_type
FROM declared
FULL JOIN there ON declared.column_name = there.column_name
WHERE {{ 'TRUE' if exactly else 'declared.column_name IS NOT NULL' }} AND declared.data_type IS DISTINCT FROM there.data_type
