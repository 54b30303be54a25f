-- The rows of the published daily_rates on $dates, each as a CloudEvent under its key.
WITH keyed AS (
  SELECT
    daily_rates AS figures,
    concat_ws('/', business_date, level, code, work_type) AS record_key
  FROM daily_rates
  WHERE business_date IN (SELECT unnest($dates::DATE[]))
)

SELECT
  keyed.record_key,
  to_json(
    {
      specversion: '1.0',
      id: keyed.record_key || '/' || publication.generation,
      source: 'gridrates/' || publication.profile,
      type: 'gridrates.daily_rates.published.v1',
      subject: keyed.record_key,
      time: strftime(publication.published_at AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ'),
      datacontenttype: 'application/json',
      data: keyed.figures
    }
  )::VARCHAR AS event
FROM keyed, publication
ORDER BY keyed.record_key
