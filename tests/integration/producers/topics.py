"""What is on a topic, for tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from kafka.structs import TopicPartition

from gridrates.kafka import admin, consumer
from gridrates.settings import Settings


def records(settings: Settings, topic: str) -> dict[int, list[tuple[bytes, bytes]]]:
    """Keys and values by partition, in the order of the log."""
    found: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
    reader = consumer(settings, auto_offset_reset="earliest")
    try:
        partitions = [TopicPartition(topic, number) for number in sorted(reader.partitions_for_topic(topic))]
        ends = reader.end_offsets(partitions)
        reader.assign(partitions)
        reader.seek_to_beginning()
        while any(reader.position(partition) < ends[partition] for partition in partitions):
            for partition, batch in reader.poll(timeout_ms=2000, max_records=50_000).items():
                found[partition.partition] += [(record.key, record.value) for record in batch]
    finally:
        reader.close()
    return dict(found)


def pairs_of(found: dict[int, list[tuple[bytes, bytes]]]) -> list[tuple[bytes, bytes]]:
    """All of them, partition by partition."""
    return [pair for number in sorted(found) for pair in found[number]]


def by_key(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, list[bytes]]:
    """The values of each key, in order."""
    grouped: dict[bytes, list[bytes]] = defaultdict(list)
    for key, value in pairs:
        grouped[key].append(value)
    return dict(grouped)


def partition_count(settings: Settings, topic: str) -> int:
    """How many partitions a topic has."""
    client = admin(settings)
    try:
        (described,) = client.describe_topics([topic])
        return len(described["partitions"])
    finally:
        client.close()
