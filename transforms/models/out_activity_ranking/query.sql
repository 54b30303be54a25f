-- Grids ranked by the mean score of an activity in each period, with the lists the profile's thresholds put them
-- on. Scores are added in ten-thousandths, so that a mean is the same in any order.
WITH listed AS (
  SELECT
    CAST(NULL AS VARCHAR) AS activity_kind,
    CAST(NULL AS VARCHAR) AS name_zh,
    CAST(NULL AS VARCHAR) AS name_en,
    CAST(NULL AS VARCHAR) AS level,
    CAST(NULL AS DOUBLE) AS red_from,
    CAST(NULL AS DOUBLE) AS yellow_below,
    CAST(NULL AS DOUBLE) AS black_below
  {%- for kind, lists in profile.score_lists.items() %}
  {%- for level in lists.levels %}
  UNION ALL
  SELECT
    {{ kind | text }},
    {{ lists.zh | text }},
    {{ lists.en | text }},
    {{ level | text }},
    {{ lists.red_from }},
    {{ lists.yellow_below }},
    {{ lists.black_below }}
  {%- endfor %}
  {%- endfor %}
),

scored AS (
  SELECT
    activity.activity_kind,
    activity.held_on,
    node.level,
    node.code,
    CAST(round(activity.score * 10000) AS BIGINT) AS score_parts,
    listed.name_zh,
    listed.name_en,
    listed.red_from,
    listed.yellow_below,
    listed.black_below
  FROM core_activity AS activity
  INNER JOIN core_grid_path AS path
    ON activity.grid_code = path.grid_code
      AND activity.held_on >= path.valid_from
      AND activity.held_on < path.valid_to
  INNER JOIN core_grid_path_node AS node ON path.path_id = node.path_id
  INNER JOIN listed ON activity.activity_kind = listed.activity_kind AND node.level = listed.level
  WHERE activity.score IS NOT NULL
),

of_period AS (
  {% for period in periods if period != 'day' -%}
  SELECT
    scored.*,
    '{{ period }}' AS period_type,
    calendar.{{ period }}_start AS period_start,
    calendar.{{ period }}_end AS period_end
  FROM scored
  INNER JOIN core_business_calendar AS calendar ON scored.held_on = calendar.business_date
  {% if not loop.last %}UNION ALL
  {% endif -%}
  {% endfor %}
),

averaged AS (
  SELECT
    activity_kind,
    period_type,
    period_start,
    period_end,
    level,
    code,
    count(*) AS scored_count,
    CAST(sum(score_parts) AS DOUBLE) / 10000 / count(*) AS score,
    max(name_zh) AS name_zh,
    max(name_en) AS name_en,
    max(red_from) AS red_from,
    max(yellow_below) AS yellow_below,
    max(black_below) AS black_below
  FROM of_period
  GROUP BY activity_kind, period_type, period_start, period_end, level, code
)

SELECT
  activity_kind,
  period_type,
  period_start,
  period_end,
  level,
  code,
  scored_count,
  score,
  rank() OVER (PARTITION BY activity_kind, period_type, period_start, level ORDER BY score DESC) AS rank_no,
  CAST(count(*) OVER (PARTITION BY activity_kind, period_type, period_start, level) AS BIGINT) AS ranked_count,
  CASE
    WHEN score < black_below THEN 'black'
    WHEN score < yellow_below THEN 'yellow'
    WHEN score >= red_from THEN 'red'
  END AS list_colour,
  red_from,
  yellow_below,
  black_below,
  name_zh,
  name_en
FROM averaged
