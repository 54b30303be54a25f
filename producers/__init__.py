"""Put events on Kafka: files of events, CSV exports, HTTP, a simulator. All of them through `publisher`."""
