SELECT
  anomaly,
  count(*) AS case_count
FROM (SELECT unnest(anomalies) AS anomaly FROM core_case) AS flagged
GROUP BY anomaly
HAVING count(*) > {{ anomaly_share }} * (SELECT count(*) FROM core_case)
