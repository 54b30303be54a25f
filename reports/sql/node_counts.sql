-- What a part of the grid tree worked on: its cases by unit, category and channel, each on its own dates.
WITH chosen AS (
  SELECT *
  FROM cases
  WHERE
    list_contains($codes, grid_code)
    AND CASE
      WHEN $work_type = 'all' THEN work_type NOT IN (SELECT work_type FROM work_types WHERE NOT is_in_total)
      ELSE work_type = $work_type
    END
),

placed AS (
  SELECT
    unnest(
      [
        struct_pack(level := 'unit', code := unit_code),
        struct_pack(level := 'category', code := category_system || ':' || category_code),
        struct_pack(level := 'channel', code := channel)
      ],
      recursive := true
    ),
    reported_on,
    filed_on,
    closed_on
  FROM chosen
)

SELECT
  level,
  coalesce(code, 'unassigned') AS code,
  count(*) FILTER (WHERE reported_on BETWEEN $first AND $last) AS reported_count,
  count(*) FILTER (WHERE filed_on BETWEEN $first AND $last) AS filed_count,
  count(*) FILTER (WHERE closed_on BETWEEN $first AND $last) AS closed_count
FROM placed
GROUP BY ALL
HAVING reported_count + filed_count + closed_count > 0
