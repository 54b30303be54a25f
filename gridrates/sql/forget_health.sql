-- A quarter of a year is enough to see a trend.
DELETE FROM ops_pipeline_health
WHERE checked_at < $before::TIMESTAMPTZ
