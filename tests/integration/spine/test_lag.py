"""The lag of a real topic, and the age of what waits longest in each partition."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from gridrates import kafka
from gridrates.errors import ServiceUnavailable
from gridrates.lag import read_partitions
from gridrates.settings import Settings


def send(settings: Settings, *records: tuple[int, int]) -> None:
    """Put records on the topic: (partition, milliseconds of its time)."""
    producer = kafka.producer(settings)
    for partition, moment in records:
        producer.send(settings.topic, b"x", partition=partition, timestamp_ms=moment)
    producer.flush()
    producer.close()


def land_to(settings: Settings, **offsets: int) -> None:
    consumer = kafka.consumer(settings, group_id=kafka.landing_group(settings.topic))
    places = {
        TopicPartition(settings.topic, int(p[1:])): OffsetAndMetadata(o, "", -1) for p, o in offsets.items()
    }
    consumer.assign(list(places))
    consumer.commit(places)
    consumer.close()


def test_a_topic_that_is_not_there_has_no_partitions(kafka_settings: Settings) -> None:
    assert read_partitions(kafka_settings, with_oldest=True) == []


def test_what_waits_and_since_when(kafka_settings: Settings) -> None:
    kafka.ensure_topic(kafka_settings, kafka_settings.topic)
    now = int(time.time()) * 1000
    send(kafka_settings, (0, now - 90_000), (0, now - 60_000), (0, now), (1, now - 30_000), (2, now - 10_000))
    land_to(kafka_settings, p0=1, p2=1)

    found = read_partitions(kafka_settings, with_oldest=True)
    assert [(each.partition, each.records, each.behind) for each in found] == [
        (0, 3, 2), (1, 1, 1), (2, 1, 0), (3, 0, 0),
    ]  # fmt: skip
    ages = [each.oldest_at for each in found]
    expected = [datetime.fromtimestamp((now - back) / 1000, UTC) for back in (60_000, 30_000)]
    assert ages == [*expected, None, None]
    assert all(each.oldest_at is None for each in read_partitions(kafka_settings))


def test_a_broker_that_is_away_is_told_in_time(settings: Settings) -> None:
    alone = settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:9"})
    begun = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        read_partitions(alone, with_oldest=True)
    assert time.monotonic() - begun < 15
