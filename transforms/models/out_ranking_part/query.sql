-- The parts of every composite score: an indicator's value, the points it gives and the weight it has.
-- Where nothing was due there is no value, no points, and the weight goes to the other parts.
{% for name, composite in composites.items() -%}
{% set composite_loop = loop -%}
{% for part in composite.parts -%}
SELECT
  {{ name | text }} AS composite,
  period_type,
  period_start,
  level,
  code,
  work_type,
  {{ loop.index }} AS part_no,
  '{{ part.indicator }}' AS indicator,
  CAST({{ part.indicator }} AS DOUBLE) AS value,
  CAST({{ part.weight }} AS DOUBLE) AS weight,
  CAST(
    {% if part.brackets -%}
    CASE
      {%- for most, points in part.brackets %}
      {% if most is none %}WHEN {{ part.indicator }} IS NOT NULL THEN {{ points }}
      {%- else %}WHEN {{ part.indicator }} <= {{ most }} THEN {{ points }}{% endif %}
      {%- endfor %}
    END
    {%- elif part.complement -%}
    100 - 100 * {{ part.indicator }}
    {%- else -%}
    100 * {{ part.indicator }}
    {%- endif %} AS DOUBLE
  ) AS points
FROM out_period_rates
WHERE level IN ({{ composite.levels | map('text') | join(', ') }})
  AND work_type = {{ composite.work_type | text }}
  AND code <> 'unassigned'
{% if not (loop.last and composite_loop.last) %}UNION ALL
{% endif -%}
{% endfor -%}
{% else -%}
SELECT
  CAST(NULL AS VARCHAR) AS composite, period_type, period_start, level, code, work_type,
  0 AS part_no, CAST(NULL AS VARCHAR) AS indicator, CAST(NULL AS DOUBLE) AS value, CAST(NULL AS DOUBLE) AS weight,
  CAST(NULL AS DOUBLE) AS points
FROM out_period_rates
WHERE FALSE
{% endfor %}
