-- Rows of the dates released that are not what stands published (new, gone or changed), figure by figure.
CREATE OR REPLACE TEMP TABLE release_change AS
WITH old AS (
  SELECT * FROM out_daily_rates_version
  WHERE superseded_at IS NULL AND business_date IN (SELECT business_date FROM release_date)
),

new AS (
  SELECT * FROM out_daily_rates WHERE business_date IN (SELECT business_date FROM release_date)
)

SELECT
  /*grain*/,
  old.published_at,
  unnest([/*names*/]) AS indicator,
  unnest([/*old as doubles*/]) AS value_before,
  unnest([/*new as doubles*/]) AS value_after
FROM old
FULL JOIN new USING (/*grain*/)
WHERE row(/*old figures*/) IS DISTINCT FROM row(/*new figures*/)
