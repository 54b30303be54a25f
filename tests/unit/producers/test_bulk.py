"""What the bulk way assumes of kafka-python's insides: a canary for each, without a broker."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError
from kafka.producer.producer_batch import ProducerBatch
from kafka.producer.record_accumulator import RecordAccumulator
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder
from kafka.structs import TopicPartition

from producers.bulk import BulkWay, missing_parts
from producers.deliveries import Counts, Deliveries

CODECS = {"none": 0, "gzip": 1, "lz4": 3, "zstd": 4}


class Waker:
    """Stands for the sending thread."""

    def __init__(self) -> None:
        self.woken = 0

    def wakeup(self) -> None:
        self.woken += 1


def producer(*, codec: int = 0, partitions: int = 1, accumulator: Any = None) -> Any:
    """A producer that sends nothing: its accumulator is kafka-python's own."""
    return SimpleNamespace(
        config={"compression_attrs": codec},
        partitions_for=lambda _topic: set(range(partitions)),
        _accumulator=accumulator or RecordAccumulator(compression_attrs=codec),
        _sender=Waker(),
    )


def queued(client: Any, number: int = 0) -> list[ProducerBatch]:
    return list(client._accumulator._batches[TopicPartition("t", number)])


def sent(client: Any, pairs: list[tuple[bytes, bytes]], deliveries: Deliveries | None = None) -> Deliveries:
    books = deliveries or Deliveries()
    books.give(len(pairs))
    BulkWay(client, "t", books, 1_000_000).send(pairs, range(len(pairs)))
    return books


PAIRS = [(b"key-%d" % n, b"value %d" % n * (n % 50)) for n in range(300)]


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_a_batch_is_the_one_kafka_python_builds_itself(codec: int) -> None:
    """To the byte: header, producer state, compression and checksum included."""
    client = producer(codec=codec)
    sent(client, PAIRS)
    (batch,) = queued(client)
    ours = batch.records
    theirs = MemoryRecordsBuilder(2, codec, 10**9)
    for key, value in PAIRS:
        theirs.append(ours._builder._first_timestamp, key, value)
    for records in (ours, theirs):
        records.set_producer_state(77, 3, 5000, False)
        records.close()
    assert bytes(ours.buffer()) == bytes(theirs.buffer())
    assert ours.next_offset() == theirs.next_offset() == len(PAIRS)
    assert (ours.producer_id, ours.producer_epoch, ours.base_sequence) == (77, 3, 5000)


def test_a_batch_reads_back_with_its_checksum() -> None:
    client = producer(codec=CODECS["lz4"])
    sent(client, PAIRS)
    (batch,) = queued(client)
    batch.records.close()
    (read,) = MemoryRecords(bytes(batch.records.buffer()))
    assert read.validate_crc()
    assert [(record.key, record.value) for record in read] == PAIRS


def test_a_batch_is_full_so_that_nothing_is_appended_to_it() -> None:
    client = producer()
    sent(client, PAIRS[:2])
    (batch,) = queued(client)
    assert batch.records.is_full()
    assert batch.try_append(1, b"k", b"v", []) is None
    client._accumulator.append(TopicPartition("t", 0), None, b"k", b"v", [])
    assert len(queued(client)) == 2


def test_a_batch_is_waited_for_by_a_flush() -> None:
    client = producer()
    sent(client, PAIRS)
    (batch,) = queued(client)
    assert client._accumulator._incomplete.all() == [batch]
    assert client._accumulator.has_undrained()
    assert client._sender.woken == 1


def test_batches_of_a_partition_queue_in_order() -> None:
    client = producer(partitions=3)
    pairs = [(b"key-%d" % (n % 40), b"x" * 9000) for n in range(400)]
    sent(client, pairs)
    for number in range(3):
        values = []
        for batch in queued(client, number):
            batch.records.close()
            values += [
                (record.key, record.value)
                for each in MemoryRecords(bytes(batch.records.buffer()))
                for record in each
            ]
        keys = {key for key, _ in values}
        assert values == [pair for pair in pairs if pair[0] in keys]


def test_an_acknowledgement_settles_the_batch() -> None:
    client = producer()
    books = sent(client, PAIRS)
    (batch,) = queued(client)
    batch.complete(0, -1)
    assert (books.counts, books.waiting_bytes) == (Counts(300, 300, 0), 0)


def test_an_error_is_told_event_by_event() -> None:
    client = producer()
    books = sent(client, PAIRS[:3])
    (batch,) = queued(client)
    batch.complete_exceptionally(KafkaTimeoutError("away"), lambda place: KafkaTimeoutError(f"away {place}"))
    assert [(r.origin, "away " + str(r.origin) in r.reason) for r in books.take_refused()] == [
        (0, True),
        (1, True),
        (2, True),
    ]
    assert isinstance(books.outage, KafkaTimeoutError)


def test_an_abort_settles_the_batch_too() -> None:
    client = producer()
    books = sent(client, PAIRS)
    client._accumulator.abort_incomplete_batches()
    assert books.counts == Counts(300, 0, 300)
    assert books.waiting_bytes == 0


def test_a_batch_that_kafka_python_splits_is_settled_by_its_halves() -> None:
    """Twice over: every event is told once, by the batch it ended in."""
    client = producer()
    books = sent(client, PAIRS[:8])
    accumulator = client._accumulator
    splits(accumulator, queued(client)[0])
    assert len(queued(client)) == 2
    splits(accumulator, queued(client)[0])
    quarter, second_quarter, half = queued(client)
    assert [batch.record_count for batch in (quarter, second_quarter, half)] == [2, 2, 4]
    quarter.complete(0, -1)
    assert (books.counts.acknowledged, books.waiting_bytes > 0) == (2, True)
    half.complete(2, -1)
    second_quarter.complete_exceptionally(
        MessageSizeTooLargeError("large"), lambda _place: MessageSizeTooLargeError("large")
    )
    assert (books.counts, books.waiting_bytes) == (Counts(8, 6, 2), 0)
    assert [(r.origin, r.key) for r in books.take_refused()] == [(2, b"key-2"), (3, b"key-3")]
    assert books.outage is None


def splits(accumulator: RecordAccumulator, batch: ProducerBatch) -> None:
    """What the sending thread does with a batch that the broker calls too large."""
    accumulator._batches[batch.topic_partition].remove(batch)
    batch.records.close()
    accumulator.split_and_reenqueue(batch)
    accumulator.deallocate(batch)


def test_without_metadata_every_event_is_refused() -> None:
    def lost(_topic: str) -> set[int]:
        raise KafkaTimeoutError("no metadata")

    client = producer()
    client.partitions_for = lost
    books = sent(client, PAIRS)
    assert books.counts == Counts(300, 0, 300)
    assert "no metadata" in books.take_refused()[0].reason


def test_in_an_outage_nothing_more_is_queued() -> None:
    client, books = producer(), Deliveries()
    books.give(1)
    books.refuse(PAIRS[:1], [0], lambda _: KafkaTimeoutError("away"))
    sent(client, PAIRS, books)
    assert queued(client) == []
    assert books.counts == Counts(301, 0, 301)


def test_nothing_is_missing_in_the_version_we_pin() -> None:
    assert missing_parts(producer()) == []


@pytest.mark.parametrize("name", ["_batches", "_tp_lock", "_incomplete", "_closed"])
def test_a_missing_part_of_the_accumulator_is_named(name: str) -> None:
    parts = {
        "_batches": defaultdict(deque),
        "_tp_lock": lambda _: threading.Lock(),
        "_incomplete": SimpleNamespace(add=lambda _: None),
        "_closed": False,
    }
    accumulator = SimpleNamespace(**{part: value for part, value in parts.items() if part != name})
    assert f"SimpleNamespace.{name}" in missing_parts(producer(accumulator=accumulator))


@pytest.mark.parametrize("name", ["_builder", "_next_offset"])
def test_a_missing_part_of_the_records_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        """A builder of another version."""

        def __init__(self, *_: Any) -> None:
            self._builder = MemoryRecordsBuilder(2, 0, 1)._builder
            self._next_offset = 0
            delattr(self, name)

    monkeypatch.setattr("producers.bulk.MemoryRecordsBuilder", Other)
    assert f"Other.{name}" in missing_parts(producer())
