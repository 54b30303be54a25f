"""The batch reader gives, record for record, what plain `poll()` gives: over every feature of the format."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import NewTopic

from gridrates.kafka import admin, consumer, producer
from gridrates.settings import Settings
from warehouse.chunks import Chunk
from warehouse.record_batches import install

Record = tuple[int, int, bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...], int]
# Records in order by partition, and the positions after the last.
Reading = tuple[list[Record], dict[int, int]]
Fill = Callable[[Settings], None]

# How a log is read: the sizes of fetches and polls, and where to start (a share of the log).
PATTERNS: dict[str, dict[str, Any]] = {
    "at once": {},
    "tiny fetches": {"max_partition_fetch_bytes": 2_000, "fetch_max_bytes": 4_000},
    "few a poll": {"max_poll_records": 1},
    "from the middle": {"start": 0.37},
    "from near the end": {"start": 0.93, "max_partition_fetch_bytes": 2_000},
}


def create(settings: Settings, partitions: int = 2, **configs: str) -> None:
    with admin(settings) as client:
        client.create_topics([NewTopic(settings.topic, partitions, 1, topic_configs=configs)])


def send(settings: Settings, count: int, **options: Any) -> None:
    """Records with all kinds of keys, values, headers and sizes."""
    chance = random.Random(7)
    with producer(settings, **options) as sender:
        for number in range(count):
            size = chance.choice((0, 1, 11, 12, 13, 127, 128, 300, 300, 300, 300, 9_000))
            key = chance.choice((None, b"", b"k%d" % number))
            values = [b"", bytes([number % 256]) * size, *([] if key is None else [None])]
            sender.send(
                settings.topic,
                chance.choice(values),
                key=key,
                headers=chance.choice(([], [("a", b"1"), ("ü", b"\xff"), ("a", b"")])),
                timestamp_ms=chance.choice((None, 0, 1_500_000_000_000 + number)),
                partition=number % 2,
            )


def transactions(settings: Settings) -> None:
    """Three producers whose transactions end this way or that, among plain records."""
    create(settings)
    chance = random.Random(3)
    writers = [producer(settings, transactional_id=f"{settings.topic}-{n}", linger_ms=0) for n in range(3)]
    for writer in writers:
        writer.init_transactions()
    for turn in range(12):
        for writer in writers:
            writer.begin_transaction()
        for number in range(30):
            chance.choice(writers).send(settings.topic, b"t%d-%d" % (turn, number), partition=number % 2)
        for writer in writers:
            writer.flush()
            (writer.commit_transaction if chance.random() < 0.6 else writer.abort_transaction)()
        send(settings, 3)
    for writer in writers:
        writer.close()


def compacted(settings: Settings) -> None:
    """A log with holes, as compaction leaves them."""
    quickly = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "200"}
    create(settings, **{"cleanup.policy": "compact", **quickly})
    for _ in range(3):
        with producer(settings, linger_ms=5) as sender:
            for number in range(400):
                sender.send(settings.topic, b"%d" % number, key=b"k%d" % (number % 20), partition=number % 2)
        time.sleep(0.3)


def mixed(settings: Settings) -> None:
    """The way of compression changes in mid-stream."""
    create(settings)
    for kind in (None, "gzip", "lz4", "zstd", None, "lz4"):
        send(settings, 150, compression_type=kind)


def compressed(kind: str | None, batch_size: int) -> Fill:
    def fill(settings: Settings) -> None:
        create(settings)
        send(settings, 600, compression_type=kind, batch_size=batch_size)

    return fill


def appended(settings: Settings) -> None:
    create(settings, **{"message.timestamp.type": "LogAppendTime"})
    send(settings, 500)


def broker_compressed(settings: Settings) -> None:
    create(settings, **{"compression.type": "zstd"})
    send(settings, 500, compression_type="gzip")


LOGS: dict[str, Fill] = {
    **{
        f"{kind}, {size}": compressed(kind, size)
        for kind in (None, "gzip", "lz4", "zstd")
        for size in (500, 300_000)
    },
    "mixed": mixed,
    "append time": appended,
    "compressed by the broker": broker_compressed,
    "transactions": transactions,
    "compacted": compacted,
}


def read(settings: Settings, *, chunks: bool, start: float = 0, **options: Any) -> Reading:
    """All records in order by partition, and the positions after the last."""
    with consumer(settings, **options) as reader:
        if chunks:
            assert install(reader)
        partitions = [TopicPartition(settings.topic, number) for number in (0, 1)]
        reader.assign(partitions)
        ends = reader.end_offsets(partitions)
        for partition in partitions:
            reader.seek(partition, int(ends[partition] * start))
        records = list(poll_to(reader, ends))
        return sorted(records), {p.partition: reader.position(p) for p in partitions}


def poll_to(reader: KafkaConsumer, ends: dict[TopicPartition, int]) -> Iterator[Record]:
    give_up = time.monotonic() + 60
    while any(reader.position(partition) < end for partition, end in ends.items()):
        assert time.monotonic() < give_up, "the end was not reached"
        for partition, found in reader.poll(timeout_ms=200).items():
            for item in found:
                yield from records_of(partition.partition, item)


def records_of(partition: int, item: Any) -> Iterator[Record]:
    if not isinstance(item, Chunk):
        headers = tuple(item.headers)
        yield partition, item.offset, item.key, item.value, headers, item.timestamp
        return
    for n in range(len(item)):
        headers = tuple(item.headers(n))
        yield partition, int(item.offsets[n]), item.key(n), item.value(n), headers, int(item.timestamps[n])


def read_both_ways(settings: Settings, **options: Any) -> tuple[Reading, Reading]:
    """The log by `poll()` and by whole batches; again when the broker compacted it in between."""
    expected = read(settings, chunks=False, **options)
    while True:
        got = read(settings, chunks=True, **options)
        before, expected = expected, read(settings, chunks=False, **options)
        if before == expected:
            return expected, got


@pytest.mark.parametrize("name", LOGS)
def test_gives_what_poll_gives(kafka_settings: Settings, name: str) -> None:
    LOGS[name](kafka_settings)
    isolations = ("read_committed", "read_uncommitted") if name == "transactions" else ("read_committed",)
    for isolation in isolations:
        for pattern, options in PATTERNS.items():
            options = options | {"isolation_level": isolation}
            expected, got = read_both_ways(kafka_settings, **options)
            assert expected[0], f"{pattern}: nothing to compare"
            assert got == expected, f"{pattern}, {isolation}"


def test_the_compacted_log_has_holes(kafka_settings: Settings) -> None:
    """Else the comparison above would say nothing about compaction."""
    compacted(kafka_settings)
    give_up = time.monotonic() + 60
    while True:
        records, positions = read(kafka_settings, chunks=True)
        if len(records) < sum(positions.values()):
            return
        assert time.monotonic() < give_up, "the broker did not compact"
        time.sleep(0.5)
