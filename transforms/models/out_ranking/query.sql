-- Composite scores, ranks, grades and lists of each period. Rank 1 is the best; equal scores are parted by the
-- composite's tie breaker, and what is still equal shares the rank.
WITH scored AS (
  SELECT
    composite,
    period_type,
    period_start,
    level,
    code,
    work_type,
    sum(points * weight) / sum(CASE WHEN points IS NOT NULL THEN weight END) AS score,
    sum(CASE WHEN points IS NOT NULL THEN weight ELSE 0 END) / 100 AS weight_covered
  FROM out_ranking_part
  GROUP BY composite, period_type, period_start, level, code, work_type
),

rounded AS (
  SELECT
    scored.* EXCLUDE (score),
    CASE scored.composite
      WHEN '' THEN NULL
      {%- for name, composite in composites.items() %}
      WHEN {{ name | text }} THEN {{ rounded('scored.score', composite.decimals) }}
      {%- endfor %}
      ELSE scored.score
    END AS score,
    CASE scored.composite
      WHEN '' THEN NULL
      {%- for name, composite in composites.items() %}
      WHEN {{ name | text }} THEN rates.{{ composite.tie_breaker }}
      {%- endfor %}
      ELSE 0
    END AS tie_breaker
  FROM scored
  INNER JOIN out_period_rates AS rates
    ON scored.period_type = rates.period_type
      AND scored.period_start = rates.period_start
      AND scored.level = rates.level
      AND scored.code = rates.code
      AND scored.work_type = rates.work_type
)

SELECT
  composite,
  period_type,
  period_start,
  level,
  code,
  work_type,
  score,
  weight_covered,
  CAST(tie_breaker AS DOUBLE) AS tie_breaker,
  rank() OVER (
    PARTITION BY composite, period_type, period_start, level, work_type ORDER BY score DESC, tie_breaker DESC
  ) AS rank_no,
  CAST(count(*) OVER (PARTITION BY composite, period_type, period_start, level, work_type) AS BIGINT) AS ranked_count,
  CASE
    WHEN composite = '' THEN NULL
    {%- for name, composite in composites.items() %}
    {%- for grade, from_score in composite.grades.items() %}
    WHEN composite = {{ name | text }} AND score >= {{ from_score }} THEN {{ grade | text }}
    {%- endfor %}
    {%- endfor %}
    ELSE CAST(NULL AS VARCHAR)
  END AS grade,
  CASE
    WHEN composite = '' THEN NULL
    {%- for name, composite in composites.items() %}
    WHEN composite = {{ name | text }} AND score < {{ composite.black_below }} THEN 'black'
    WHEN composite = {{ name | text }} AND score < {{ composite.yellow_below }} THEN 'yellow'
    WHEN composite = {{ name | text }} AND score >= {{ composite.red_from }} THEN 'red'
    {%- endfor %}
    ELSE CAST(NULL AS VARCHAR)
  END AS list_colour
FROM rounded
WHERE score IS NOT NULL
