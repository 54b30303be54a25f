-- A year of a city's cases as JSON, ten events a case: most go straight through, one in ten is returned and
-- dispatched again, one in twenty paused, one in thirty extended or done again; one in forty stays open.
-- Codes are those of the profile: `grids`, `units` and `categories` are lists of them.
CREATE TEMP MACRO chance(n, below) AS CAST(hash(n) % below AS BIGINT);

CREATE TABLE wire AS
WITH a_case AS (
  SELECT
    n,
    'C-2026-' || lpad(CAST(n AS VARCHAR), 8, '0') AS case_id,
    TIMESTAMPTZ '2026-01-01 00:00:00+08' + to_seconds((n * 31536000) // $cases) AS began_at,
    $grids[1 + chance(n, len($grids))] AS grid_code,
    $units[1 + chance(n + 1, len($units))] AS unit_code,
    $categories[1 + chance(n + 2, len($categories))] AS category_code,
    ['patrol', 'patrol', 'hotline_12345', 'police_110', 'resident_app'][1 + chance(n + 3, 5)] AS channel,
    ['grid_case', 'grid_case', 'grid_case', 'non_police', 'dispute'][1 + chance(n + 4, 5)] AS work_type,
    -- Seconds a step takes, long steps now and then.
    60 + chance(n + 5, 1200) + CASE WHEN chance(n + 6, 9) = 0 THEN 200000 ELSE 0 END AS pace,
    n % 40 = 7 AS is_open
  FROM range($cases) AS numbers (n)
),

planned AS (
  SELECT
    a_case.*,
    unnest(
      [
        {'verb': 'reported', 'after': 0.0},
        {'verb': 'accepted', 'after': 0.2},
        {'verb': 'filed', 'after': 0.5},
        {'verb': 'dispatched', 'after': 0.7},
        {'verb': CASE WHEN n % 10 = 3 THEN 'returned' ELSE 'signed' END, 'after': 1.0},
        {'verb': CASE WHEN n % 10 = 3 THEN 'dispatched' WHEN n % 20 = 1 THEN 'suspended' ELSE 'supervised' END, 'after': 1.3},
        {'verb': CASE WHEN n % 10 = 3 THEN 'signed' WHEN n % 20 = 1 THEN 'resumed' ELSE 'extended' END, 'after': 1.6},
        {'verb': 'handled', 'after': 6.0},
        {'verb': 'closed', 'after': 8.0},
        {'verb': 'visited', 'after': 20.0}
      ],
      recursive := true
    )
  FROM a_case
)

SELECT
  to_json({
    'specversion': '1.0',
    'id': CAST(uuid() AS VARCHAR),
    'source': '/street/demo-centre',
    'type': 'gridrates.case.' || verb || '.v1',
    'subject': case_id,
    'time': strftime(began_at + to_seconds(CAST(after * pace AS BIGINT)), '%Y-%m-%dT%H:%M:%SZ'),
    'data': {
      'grid_code': grid_code,
      'work_type': work_type,
      'channel': channel,
      'category_system': $category_system,
      'category_code': category_code,
      'condition_no': 1,
      'unit_code': CASE WHEN verb = 'dispatched' THEN unit_code END,
      'operator_id': 'D' || chance(n + 7, 40),
      'satisfaction': CASE WHEN verb = 'visited' THEN ['satisfied', 'very_satisfied', 'dissatisfied'][1 + chance(n, 3)] END,
      'longitude': 121.47 + (n % 1000) / 1e5,
      'latitude': 31.23 + (n % 777) / 1e5
    }
  })::VARCHAR AS payload
FROM planned
WHERE
  NOT (is_open AND verb IN ('handled', 'closed', 'visited'))
  AND NOT (verb = 'supervised' AND n % 50 <> 0)
  AND NOT (verb = 'extended' AND n % 30 <> 0)
ORDER BY n // 5000, after
