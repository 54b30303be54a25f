-- One row a pause (挂账/缓办) of a case: from its approval until it is resumed, the resumption date it
-- carried, the next pause, or the work is done anyway. An open pause has no end.
WITH overlay AS (
  SELECT
    case_id,
    verb,
    occurred_at AS suspended_at,
    resume_at,
    lead(occurred_at) OVER (PARTITION BY case_id ORDER BY event_order) AS next_at
  FROM core_case_event
  WHERE verb IN ('suspended', 'resumed', 'handled', 'closed')
),

pause AS (
  SELECT
    case_id,
    suspended_at,
    least(next_at, CASE WHEN resume_at IS NOT NULL THEN greatest(resume_at, suspended_at) END) AS resumed_at
  FROM overlay
  WHERE verb = 'suspended'
)

SELECT
  pause.case_id,
  row_number() OVER (PARTITION BY pause.case_id ORDER BY pause.suspended_at, pause.resumed_at) AS suspension_no,
  pause.suspended_at,
  pause.resumed_at,
  epoch_us(pause.resumed_at) - epoch_us(pause.suspended_at) AS paused_micros,
  {{ worked('clock_to', 'pause.resumed_at') }}
    - {{ worked('clock_from', 'pause.suspended_at') }} AS paused_working_micros,
  {{ business_date('pause.suspended_at') }} AS suspended_on,
  {{ business_date('pause.resumed_at') }} AS resumed_on
FROM pause
{{ clock_at('clock_from', 'pause.suspended_at') }}
{{ clock_at('clock_to', 'pause.resumed_at') }}
