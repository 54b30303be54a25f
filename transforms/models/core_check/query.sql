-- One row an on-site check: verification (核实) before filing, check (核查) after handling.
WITH done AS (
  SELECT
    case_id,
    event_id AS check_id,
    CASE verb WHEN 'verified' THEN 'verification' ELSE 'check' END AS check_kind,
    row_number() OVER (
      PARTITION BY case_id, verb ORDER BY occurred_at, sequence_no, event_id, source_id
    ) AS check_no,
    issued_at,
    occurred_at AS checked_at,
    coalesce(outcome, 'confirmed') AS outcome
  FROM core_case_event
  WHERE verb IN ('verified', 'checked') AND {{ touched('case_id') }}
),

limited AS (
  SELECT
    done.*,
    CASE check_kind
      WHEN 'verification' THEN {{ desk_deadline('verify', 'issued_at') }}
      ELSE {{ desk_deadline('check', 'issued_at') }}
    END AS check_deadline_at
  FROM done
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
  outcome,
  check_deadline_at,
  check_deadline_at IS NULL OR checked_at <= check_deadline_at AS is_checked_on_time,
  {{ business_date('least(checked_at, check_deadline_at)') }} AS check_due_on,
  {{ business_date('checked_at') }} AS checked_on
FROM limited
