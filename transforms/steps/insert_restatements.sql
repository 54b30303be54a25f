-- Figures of dates that were final when they were published, and the late events behind the change: those of
-- cases in the figure's own place, or of all cases of the date when the case has left the place.
INSERT INTO out_restatement
WITH final AS (
  SELECT business_date, max(published_at) AS published_at
  FROM out_daily_rates_version
  WHERE is_final AND business_date IN (SELECT business_date FROM release_date)
  GROUP BY business_date
),

late AS (
  SELECT
    cause.business_date,
    cause.case_id,
    min(cause.after_batch_id) AS after_batch_id,
    max(cause.last_batch_id) AS last_batch_id,
    (
      SELECT count(*)
      FROM raw_event AS event
      WHERE event.subject_id = cause.case_id
        AND event.batch_id > min(cause.after_batch_id)
        AND event.batch_id <= max(cause.last_batch_id)
    ) AS event_count
  FROM ops_restatement_cause AS cause
  INNER JOIN final ON cause.business_date = final.business_date
  GROUP BY cause.business_date, cause.case_id
),

behind AS (
  SELECT
    late.business_date,
    node.level,
    node.code,
    min(late.after_batch_id) AS after_batch_id,
    max(late.last_batch_id) AS last_batch_id,
    sum(late.event_count) AS event_count,
    list(DISTINCT late.case_id ORDER BY late.case_id)[1:100] AS case_ids
  FROM late
  INNER JOIN core_case AS c ON late.case_id = c.case_id
  INNER JOIN core_grid_path_node AS node ON c.grid_path_id = node.path_id
  GROUP BY late.business_date, node.level, node.code
)

SELECT
  change.business_date,
  change.level,
  change.code,
  change.work_type,
  change.indicator,
  change.value_before,
  change.value_after,
  coalesce(change.published_at, final.published_at),
  $now,
  coalesce(behind.after_batch_id, whole.after_batch_id),
  coalesce(behind.last_batch_id, whole.last_batch_id),
  coalesce(behind.event_count, whole.event_count, 0),
  coalesce(behind.case_ids, whole.case_ids, [])
FROM release_change AS change
INNER JOIN final ON change.business_date = final.business_date
LEFT JOIN behind
  ON change.business_date = behind.business_date AND change.level = behind.level AND change.code = behind.code
LEFT JOIN behind AS whole ON change.business_date = whole.business_date AND whole.level = 'total'
WHERE change.value_before IS DISTINCT FROM change.value_after
