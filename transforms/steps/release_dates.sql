CREATE OR REPLACE TEMP TABLE release_date AS SELECT unnest($dates) AS business_date
