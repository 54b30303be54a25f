-- What one rule found: a row for each wrong thing and business date it spoils. A thing that has dates, but none
-- of those checked, spoils nothing that is to be published now.
CREATE OR REPLACE TEMP TABLE wrong_row AS
WITH found AS ({{ rows_query }}),

named AS (
  SELECT
    {% if key %}
    CAST(to_json(struct_pack({% for column in key %}{{ column | ident }} := {{ column | ident }}{{ ', ' if not loop.last }}{% endfor %})) AS VARCHAR) AS row_key,
    {% else %}
    '{}' AS row_key,
    {% endif %}
    {% if span %}
    CAST(
      generate_series(
        {{ span[0] | ident }}, least({{ span[1] | ident }}, DATE {{ as_of_date | literal }}), INTERVAL 1 DAY
      ) AS DATE[]
    ) AS days
    {% elif dates %}
    list_distinct(list_filter([{{ dates | map('ident') | join(', ') }}], day -> day IS NOT NULL)) AS days
    {% else %}
    CAST([] AS DATE[]) AS days
    {% endif %}
  FROM found
)

SELECT
  row_key,
  CAST(
    unnest(
      CASE
        WHEN len(days) = 0 THEN [NULL]
        {% if is_scoped %}
        ELSE list_intersect(days, (SELECT list(business_date) FROM checked_date))
        {% else %}
        ELSE days
        {% endif %}
      END
    ) AS DATE
  ) AS business_date
FROM named
