CREATE OR REPLACE TEMP TABLE changed_period AS SELECT DISTINCT period_type, period_start FROM rates_change
