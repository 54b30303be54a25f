-- One row a dispatch task: a case sent to a unit. Signing, returning and handling belong to the task they
-- name, else to the latest dispatch before them. A second dispatch under the same task id is the same task.
WITH step AS (
  SELECT
    case_id,
    verb,
    event_order,
    occurred_at,
    unit_code,
    operator_id,
    sign_deadline_at,
    reason,
    last_value(CASE WHEN verb = 'dispatched' THEN coalesce(task_id, event_id) END IGNORE NULLS) OVER (
      PARTITION BY case_id
      ORDER BY event_order
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS latest_task_id,
    CASE WHEN verb = 'dispatched' THEN coalesce(task_id, event_id) ELSE task_id END AS named_task_id
  FROM core_case_event
  WHERE verb IN ('dispatched', 'signed', 'returned', 'handled')
),

folded AS (
  SELECT
    case_id,
    coalesce(named_task_id, latest_task_id) AS task_id,
    min(CASE WHEN verb = 'dispatched' THEN event_order END) AS dispatch_order,
    min(CASE WHEN verb = 'dispatched' THEN occurred_at END) AS dispatched_at,
    min(CASE WHEN verb = 'signed' THEN occurred_at END) AS signed_at,
    min(CASE WHEN verb = 'returned' THEN occurred_at END) AS returned_at,
    max(CASE WHEN verb = 'handled' THEN occurred_at END) AS handled_at,
    count(CASE WHEN verb = 'handled' THEN 1 END) AS handled_count,
    {{ latest('unit_code', "verb = 'dispatched'") }} AS unit_code,
    {{ latest('operator_id', "verb = 'dispatched'") }} AS dispatched_by,
    {{ latest('operator_id', "verb = 'signed'") }} AS signed_by,
    {{ latest('sign_deadline_at', "verb = 'dispatched'") }} AS explicit_sign_deadline_at,
    {{ latest('reason', "verb = 'returned'") }} AS return_reason
  FROM step
  WHERE coalesce(named_task_id, latest_task_id) IS NOT NULL
  GROUP BY case_id, coalesce(named_task_id, latest_task_id)
),

dispatched AS (
  SELECT
    *,
    row_number() OVER (PARTITION BY case_id ORDER BY dispatch_order) AS task_no,
    lead(unit_code) OVER (PARTITION BY case_id ORDER BY dispatch_order) AS next_unit_code
  FROM folded
  WHERE dispatched_at IS NOT NULL
),

limited AS (
  SELECT
    dispatched.*,
    coalesce(explicit_sign_deadline_at, {{ desk_deadline('sign', 'dispatched_at') }}) AS sign_deadline_at,
    explicit_sign_deadline_at IS NULL AND {{ desk_is_beyond('sign', 'dispatched_at') }} AS is_beyond_calendar
  FROM dispatched
  {{ desk_clock('sign', 'dispatched_at') }}
)

SELECT
  case_id,
  task_id,
  task_no,
  unit_code,
  dispatched_at,
  sign_deadline_at,
  signed_at,
  returned_at,
  return_reason,
  handled_at,
  dispatched_by,
  signed_by,
  handled_count,
  next_unit_code IS NOT NULL AND next_unit_code <> unit_code AS is_redirected,
  signed_at <= sign_deadline_at OR (signed_at IS NOT NULL AND sign_deadline_at IS NULL) AS is_signed_on_time,
  least(signed_at, returned_at, sign_deadline_at) AS sign_due_at,
  date_diff('second', dispatched_at, signed_at) AS sign_seconds,
  is_beyond_calendar,
  {{ business_date('dispatched_at') }} AS dispatched_on,
  {{ business_date('signed_at') }} AS signed_on,
  {{ business_date('returned_at') }} AS returned_on,
  {{ business_date('handled_at') }} AS handled_on,
  {{ business_date('least(signed_at, returned_at, sign_deadline_at)') }} AS sign_due_on
FROM limited
