-- One row a case: the limit that applies to it and every deadline that follows.
--
-- An explicit deadline wins over the limits; an approved extension wins over both. The clock starts at
-- filing and is not started again by a return or a second dispatch. Pauses push the deadline; those an
-- extension already knew of do not push it again; a case that is paused now has no deadline. (A city that
-- subtracts suspended cases from its denominators leaves their deadlines where they are.)

-- The limit of the category under its filing condition; else of the category, of the work type, of all.
WITH limited AS (
  SELECT
    fold.case_id,
    fold.reported_at,
    fold.filed_at,
    coalesce(fold.checked_at, fold.handled_at) AS checked_at,
    fold.closed_at,
    fold.extended_at,
    coalesce(fold.extended_deadline_at, fold.stated_deadline_at) AS explicit_deadline_at,
    coalesce(fold.extended_deadline_at, fold.stated_deadline_at, fold.filed_at, fold.dispatched_at) AS anchor_at,
    coalesce(by_condition.amount, by_category.amount, by_work_type.amount, by_default.amount) AS limit_amount,
    coalesce(by_condition.unit, by_category.unit, by_work_type.unit, by_default.unit) AS limit_unit
  FROM core_case_fold AS fold
  LEFT JOIN core_limit AS by_condition
    ON fold.category_system = by_condition.category_system
      AND fold.category_code = by_condition.category_code
      AND fold.condition_no = by_condition.condition_no
      AND by_condition.scope = 'condition'
  LEFT JOIN core_limit AS by_category
    ON fold.category_system = by_category.category_system
      AND fold.category_code = by_category.category_code
      AND by_category.scope = 'category'
  LEFT JOIN core_limit AS by_work_type
    ON fold.work_type = by_work_type.work_type AND by_work_type.scope = 'work_type'
  LEFT JOIN (SELECT * FROM core_limit WHERE scope = 'default') AS by_default ON TRUE
),

paused AS (
  SELECT
    pause.case_id,
    bool_or(pause.resumed_at IS NULL) AS is_suspended,
    -- Where a pause begins or ends beyond the calendar nobody can tell how much working time it takes.
    bool_or(pause.resumed_at IS NOT NULL AND pause.paused_working_micros IS NULL) AS is_unmeasured,
    CAST(sum(pause.paused_micros) AS BIGINT) AS paused_micros,
    CAST(sum(pause.paused_working_micros) AS BIGINT) AS paused_working_micros
  FROM core_suspension AS pause
  INNER JOIN limited ON pause.case_id = limited.case_id
  WHERE limited.extended_at IS NULL OR pause.suspended_at >= limited.extended_at
  GROUP BY pause.case_id
),

-- Only limits in working time, and explicit deadlines of such cases that were paused, need the working clock.
anchored AS (
  SELECT
    limited.*,
    coalesce(paused.is_suspended, FALSE) AS is_suspended,
    {% if profile.suspension == 'pause' -%}
    coalesce(paused.paused_micros, 0) AS paused_micros,
    CASE WHEN paused.is_unmeasured THEN NULL ELSE coalesce(paused.paused_working_micros, 0) END
      AS paused_working_micros,
    {%- else -%}
    0 AS paused_micros,
    0 AS paused_working_micros,
    {%- endif %}
    CASE
      WHEN limited.limit_unit LIKE 'working%'
        AND (limited.explicit_deadline_at IS NULL OR paused.paused_micros > 0)
        THEN limited.anchor_at
    END AS clock_starts_at
  FROM limited
  LEFT JOIN paused ON limited.case_id = paused.case_id
),

clocked AS (
  SELECT
    anchored.*,
    CASE
      WHEN explicit_deadline_at IS NOT NULL THEN 0
      {%- for unit, micros in unit_micros.items() %}
      WHEN limit_unit = '{{ unit }}' THEN CAST(limit_amount * {{ micros }} AS BIGINT)
      {%- endfor %}
      WHEN limit_unit = 'working_hour' THEN CAST(limit_amount * {{ hour_micros }} AS BIGINT)
      WHEN limit_unit = 'working_day' THEN CAST(limit_amount * clock_from.day_micros AS BIGINT)
    END AS limit_micros,
    {{ worked('clock_from', 'clock_starts_at') }} AS worked_micros
  FROM anchored
  {{ clock_at('clock_from', 'anchored.clock_starts_at') }}
),

aimed AS (
  SELECT
    *,
    worked_micros + limit_micros + paused_working_micros AS target_micros
  FROM clocked
),

due AS (
  SELECT
    aimed.*,
    CASE
      {% if profile.suspension == 'pause' %}WHEN is_suspended THEN NULL{% endif %}
      WHEN clock_starts_at IS NOT NULL THEN {{ instant_of('clock_to', 'target_micros') }}
      ELSE make_timestamptz(epoch_us(anchor_at) + limit_micros + paused_micros)
    END AS deadline_at,
    NOT is_suspended AND clock_starts_at IS NOT NULL AND clock_to.calendar_date IS NULL AS is_beyond_calendar
  FROM aimed
  {{ clock_reaches('clock_to', 'aimed.target_micros') }}
)

SELECT
  due.case_id,
  limit_amount,
  limit_unit,
  deadline_at,
  is_suspended,
  is_beyond_calendar,
  paused_micros // 60000000 AS paused_minutes,
  {{ desk_deadline('file', 'due.reported_at') }} AS filing_deadline_at,
  {{ desk_deadline('dispatch', 'due.filed_at') }} AS dispatch_deadline_at,
  {{ desk_deadline('close', 'due.checked_at') }} AS closing_deadline_at,
  {{ desk_deadline('visit', 'due.closed_at') }} AS visit_deadline_at,
  {{ desk_is_beyond('file', 'due.reported_at') }}
    OR {{ desk_is_beyond('dispatch', 'due.filed_at') }}
    OR {{ desk_is_beyond('close', 'due.checked_at') }}
    OR {{ desk_is_beyond('visit', 'due.closed_at') }} AS is_desk_beyond_calendar
FROM due
{{ desk_clock('file', 'due.reported_at') }}
{{ desk_clock('dispatch', 'due.filed_at') }}
{{ desk_clock('close', 'due.checked_at') }}
{{ desk_clock('visit', 'due.closed_at') }}
