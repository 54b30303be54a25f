UPDATE out_period_rates SET is_complete = TRUE WHERE NOT is_complete AND period_end < $as_of
