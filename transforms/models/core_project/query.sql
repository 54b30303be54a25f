-- One row a project, at the stage it reached last. Stages add up: each project is counted at one of them.
WITH changed AS (
  SELECT
    subject_id,
    row_number() OVER (
      PARTITION BY subject_id ORDER BY occurred_at, coalesce(sequence_no, 0), event_id, source
    ) AS event_order,
    occurred_at,
    project_kind,
    stage,
    grid_code,
    unit_code,
    quantity,
    tags
  FROM {{ standing_events() }}
  WHERE event_type = 'gridrates.project.stage_changed.v1'
)

SELECT
  subject_id AS project_id,
  {% for column in ['project_kind', 'stage', 'grid_code', 'unit_code', 'quantity', 'tags'] -%}
  {{ latest(column) }} AS {{ column }},
  {% endfor -%}
  min(occurred_at) AS began_at,
  max(occurred_at) AS stage_since_at,
  count(*) AS stage_count,
  {{ business_date('min(occurred_at)') }} AS began_on,
  {{ business_date('max(occurred_at)') }} AS stage_since_on
FROM changed
GROUP BY subject_id
