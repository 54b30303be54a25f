-- What everything is held against: one statement that does nothing but parse the JSON into typed columns.
CREATE OR REPLACE TABLE parsed AS
SELECT
  event.id AS event_id,
  event.source,
  event.type AS event_type,
  event.subject AS subject_id,
  event.time AS occurred_at,
  unnest(event.data)
FROM (
  SELECT from_json(payload, '{
    "id": "VARCHAR", "source": "VARCHAR", "type": "VARCHAR", "subject": "VARCHAR", "time": "TIMESTAMPTZ",
    "data": {
      "grid_code": "VARCHAR", "work_type": "VARCHAR", "channel": "VARCHAR", "category_system": "VARCHAR",
      "category_code": "VARCHAR", "condition_no": "BIGINT", "unit_code": "VARCHAR", "operator_id": "VARCHAR",
      "satisfaction": "VARCHAR", "longitude": "DOUBLE", "latitude": "DOUBLE"
    }
  }') AS event
  FROM wire
)
