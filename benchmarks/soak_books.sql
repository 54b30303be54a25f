-- Read, accounted for, landed by the ledger, and rows there are.
SELECT
  sum(read_count),
  sum(landed_count + duplicate_count + rejected_count),
  sum(landed_count),
  (SELECT count(*) FROM raw_event)
FROM raw_landing_batch;
