-- Figures of the dates that changed after they had been published, the newest first.
SELECT
  changed.business_date,
  changed.indicator,
  changed.value_before,
  changed.value_after,
  changed.restated_at,
  changed.late_event_count,
  changed.case_ids
FROM restatements AS changed
INNER JOIN indicators ON changed.indicator = indicators.indicator_code AND indicators.is_headline
WHERE
  changed.business_date BETWEEN $first AND $last
  AND changed.level = $level
  AND changed.code = $code
  AND changed.work_type = $work_type
ORDER BY changed.restated_at DESC, changed.business_date DESC, indicators.position
