-- One row an on-site check: verification (核实) before filing, check (核查) after handling. Which it is follows
-- from the event's verb, that is from its place in the flow: some platforms swap the two words.
-- A check is asked for after a report (verification) or after the end of handling (check): `asked_from_at`.
WITH step AS (
  SELECT
    *,
    last_value(CASE WHEN verb IN ('reported', 'handled') THEN occurred_at END IGNORE NULLS) OVER (
      PARTITION BY case_id
      ORDER BY event_order
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS asked_from_at
  FROM core_case_event
  WHERE verb IN ('reported', 'verified', 'handled', 'checked')
),

done AS (
  SELECT
    case_id,
    event_id AS check_id,
    CASE verb WHEN 'verified' THEN 'verification' ELSE 'check' END AS check_kind,
    row_number() OVER (
      PARTITION BY case_id, verb ORDER BY event_order
    ) AS check_no,
    asked_from_at,
    issued_at,
    occurred_at AS checked_at,
    coalesce(outcome, 'confirmed') AS outcome,
    operator_id AS checked_by
  FROM step
  WHERE verb IN ('verified', 'checked')
),

limited AS (
  SELECT
    done.*,
    CASE check_kind
      WHEN 'verification' THEN {{ desk_deadline('issue_verification', 'asked_from_at') }}
      ELSE {{ desk_deadline('issue_check', 'asked_from_at') }}
    END AS issue_deadline_at,
    CASE check_kind
      WHEN 'verification' THEN {{ desk_deadline('verify', 'issued_at') }}
      ELSE {{ desk_deadline('check', 'issued_at') }}
    END AS check_deadline_at,
    CASE check_kind
      WHEN 'verification'
        THEN {{ desk_is_beyond('issue_verification', 'asked_from_at') }} OR {{ desk_is_beyond('verify', 'issued_at') }}
      ELSE {{ desk_is_beyond('issue_check', 'asked_from_at') }} OR {{ desk_is_beyond('check', 'issued_at') }}
    END AS is_beyond_calendar
  FROM done
  {{ desk_clock('issue_verification', 'asked_from_at') }}
  {{ desk_clock('issue_check', 'asked_from_at') }}
  {{ desk_clock('verify', 'issued_at') }}
  {{ desk_clock('check', 'issued_at') }}
)

SELECT
  case_id,
  check_id,
  check_kind,
  check_no,
  issued_at,
  checked_at,
  checked_by,
  outcome,
  issue_deadline_at,
  check_deadline_at,
  issued_at IS NOT NULL AND (issue_deadline_at IS NULL OR issued_at <= issue_deadline_at) AS is_issued_on_time,
  check_deadline_at IS NULL OR checked_at <= check_deadline_at AS is_checked_on_time,
  is_beyond_calendar,
  {{ business_date('issued_at') }} AS issued_on,
  {{ business_date('least(issued_at, issue_deadline_at)') }} AS issue_due_on,
  {{ business_date('least(checked_at, check_deadline_at)') }} AS check_due_on,
  {{ business_date('checked_at') }} AS checked_on
FROM limited
