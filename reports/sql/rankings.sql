-- Ranks of the period, with the parts each score is made of.
SELECT
  ranks.composite,
  composites.name_zh AS composite_zh,
  composites.name_en AS composite_en,
  ranks.level,
  ranks.code,
  ranks.rank_no,
  ranks.ranked_count,
  ranks.score,
  ranks.grade,
  ranks.list_colour,
  (
    SELECT list(part.indicator ORDER BY part.part_no)
    FROM ranking_parts AS part
    WHERE
      part.composite = ranks.composite
      AND part.period_type = ranks.period_type
      AND part.period_start = ranks.period_start
      AND part.level = ranks.level
      AND part.code = ranks.code
      AND part.work_type = ranks.work_type
  ) AS indicators
FROM rankings AS ranks
INNER JOIN composites ON ranks.composite = composites.composite
-- A place alone at its level has nobody to be compared with.
WHERE ranks.period_type = $kind AND ranks.period_start = $first AND ranks.ranked_count > 1
ORDER BY ranks.composite, ranks.level, ranks.rank_no, ranks.code
