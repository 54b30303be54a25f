-- What `daily_rates` said at a moment, in the place of what it says now.
CREATE OR REPLACE TEMP VIEW daily_rates AS
SELECT *
FROM daily_rates_history
WHERE published_at <= getvariable('known_at') AND (superseded_at IS NULL OR superseded_at > getvariable('known_at'))
