SELECT CAST(published_at AT TIME ZONE time_zone AS DATE) FROM publication
