-- Total variation distance between the checked dates and the eight weeks before the first of them, by date of
-- reporting: half the sum of the differences of shares.
WITH checked AS (
  SELECT min(business_date) AS first_date, max(business_date) AS last_date FROM checked_date
),

counted AS (
  SELECT
    {% for column in coded %}
    {{ column | ident }},
    {% endfor %}
    count(*) FILTER (WHERE reported_on IN (SELECT business_date FROM checked_date)) AS now_count,
    count(*) FILTER (WHERE reported_on < first_date) AS before_count
  FROM {{ everything(table) }} CROSS JOIN checked
  WHERE reported_on BETWEEN first_date - INTERVAL 56 DAY AND last_date
  GROUP BY ALL
),

shared AS (
  SELECT
    sum(now_count) OVER () AS now_total,
    sum(before_count) OVER () AS before_total,
    abs(now_count / sum(now_count) OVER () - before_count / sum(before_count) OVER ()) AS difference
  FROM counted
)

SELECT round(sum(difference) / 2, 3) AS drift
FROM shared
WHERE now_total >= {{ drift_cases }} AND before_total >= {{ drift_cases }}
HAVING sum(difference) / 2 > {{ drift_limit }}
