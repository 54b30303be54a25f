"""What tests of the landing do with a topic and a warehouse."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from kafka import TopicPartition

from gridrates.kafka import admin, consumer, ensure_topic, producer
from gridrates.settings import Settings
from producers.publisher import Publisher
from warehouse.landing import LandingSummary, land
from warehouse.live import open_live


def publish(settings: Settings, values: Sequence[bytes]) -> None:
    """Put values on the topic, spread over its partitions."""
    with Publisher(settings, settings.topic) as publisher:
        publisher.publish([(b"C-%d" % (number % 50), value) for number, value in enumerate(values)])


def send(settings: Settings, *values: bytes | None, partition: int = 0, **options: Any) -> None:
    """Put values on one partition. `headers`, `key` and `timestamp` (milliseconds) go to the records, other
    options to the producer.
    """
    ensure_topic(settings, settings.topic)
    headers, key = options.pop("headers", []), options.pop("key", b"C-1")
    timestamp = options.pop("timestamp", None)
    with producer(settings, **options) as sender:
        for value in values:
            sender.send(
                settings.topic, value, key=key, partition=partition, headers=headers, timestamp_ms=timestamp
            )


def run(settings: Settings, **options: Any) -> LandingSummary:
    """Land what is there."""
    with open_live(settings, command="test") as connection:
        return land(connection, settings, **options)


def query(settings: Settings, text: str) -> list[tuple[Any, ...]]:
    """Ask the live file."""
    with open_live(settings, command="test") as connection:
        return connection.execute(text).fetchall()


def counts(summary: LandingSummary) -> tuple[int, int, int]:
    """Landed, duplicates, rejected; and they add up."""
    assert summary.read == summary.landed + summary.duplicates + summary.rejected
    return summary.landed, summary.duplicates, summary.rejected


def changed(settings: Settings, **changes: object) -> Settings:
    """The settings with some others."""
    return settings.model_copy(update=changes)


def records(settings: Settings, topic: str) -> list[Any]:
    """Every committed record of a topic, by partition and offset."""
    with consumer(settings) as reader:
        partitions = [TopicPartition(topic, n) for n in sorted(reader.partitions_for_topic(topic) or ())]
        ends = reader.end_offsets(partitions)
        reader.assign(partitions)
        for partition in partitions:
            reader.seek(partition, 0)
        found: list[Any] = []
        give_up = time.monotonic() + 60
        while any(reader.position(partition) < end for partition, end in ends.items()):
            assert time.monotonic() < give_up, f"the end of {topic} was not reached"
            for some in reader.poll(timeout_ms=200).values():
                found += some
    return sorted(found, key=lambda record: (record.partition, record.offset))


def partitions_of(settings: Settings) -> Sequence[Any]:
    """What the broker says of the topic's partitions."""
    with admin(settings) as client:
        return list(client.describe_topics([settings.topic])[0]["partitions"])


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.1)
