-- Ranks of the period by the mean score of an activity, with the thresholds of the lists.
SELECT
  activity_kind,
  name_zh,
  name_en,
  level,
  code,
  rank_no,
  scored_count,
  score,
  list_colour,
  red_from,
  yellow_below,
  black_below
FROM activity_rankings
WHERE period_type = $kind AND period_start = $first
ORDER BY activity_kind, level, rank_no, code
