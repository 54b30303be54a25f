"""The batch reader on hand-made bytes, beside kafka-python's own class; and what it assumes of that."""

from __future__ import annotations

import struct
from collections import namedtuple
from collections.abc import Sequence
from typing import Any

import kafka
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError, UnsupportedCodecError
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.legacy_records import LegacyRecordBatchBuilder
from kafka.record.util import calc_crc32c

from warehouse import record_batches
from warehouse.chunks import Chunk
from warehouse.record_batches import ChunkRecords, install
from warehouse.snappy import decompress

PARTITION = TopicPartition("case-events", 0)
Aborted = namedtuple("Aborted", "producer_id first_offset")
Made = tuple[int | None, bytes | None, bytes | None, list[tuple[str, bytes | None]]]

contents = st.none() | st.binary(max_size=30) | st.binary(min_size=126, max_size=200)
made_records = st.lists(
    st.tuples(
        st.integers(0, 2**45),
        contents,
        contents,
        st.lists(st.tuples(st.text(max_size=4), contents), max_size=2),
    ),
    min_size=1,
    max_size=12,
)


def batch(
    records: Sequence[Made],
    *,
    base: int = 0,
    codec: int = 0,
    producer: int = -1,
    transactional: bool = False,
    attributes: int = 0,
    holes: Sequence[int] = (),
) -> bytes:
    """A record batch as a broker stores it: offsets from `base`, some left out by compaction."""
    builder = DefaultRecordBatchBuilder(2, codec, transactional, producer, 0, 0, 1 << 30)
    for number, (timestamp, key, value, headers) in enumerate(records):
        if number not in holes:
            builder.append(number, timestamp, key, value, headers)
    raw = bytearray(builder.build())
    struct.pack_into(">q", raw, 0, base)
    struct.pack_into(">i", raw, 23, len(records) - 1)
    struct.pack_into(">h", raw, 21, struct.unpack_from(">h", raw, 21)[0] | attributes)
    return sealed(raw)


def sealed(raw: bytearray) -> bytes:
    """The batch with a checksum that is right."""
    struct.pack_into(">I", raw, 17, calc_crc32c(memoryview(raw)[21:]))
    return bytes(raw)


def marker(kind: int, *, base: int, producer: int) -> bytes:
    """The control batch that ends a transaction: 0 aborts, 1 commits."""
    return batch(
        [(1, struct.pack(">hh", 0, kind), b"\x00" * 6, [])], base=base, producer=producer, transactional=True,
        attributes=0x20,
    )  # fmt: skip


def simple(count: int, first: int = 0) -> list[Made]:
    return [(1_000 + n, b"k%d" % n, b"value %d" % (first + n), []) for n in range(count)]


def both(log: bytes, at: int = 0, n: int | None = None, **options: Any) -> tuple[list[Any], list[Any]]:
    """What kafka-python makes of a fetch, and what we do: records, final position, bookkeeping."""
    return tuple(
        taken(cls(at, PARTITION, MemoryRecords(log), **options), n)
        for cls in (Fetcher.PartitionRecords, ChunkRecords)
    )


def taken(part: Any, n: int | None) -> list[Any]:
    found: list[Any] = []
    while part:
        for item in part.take(n):
            found += [(item.offset, *fields(item))] if not isinstance(item, Chunk) else list(rows(item))
    return [*found, part.next_fetch_offset, part.leader_epoch]


def fields(record: Any) -> tuple[Any, ...]:
    return record.timestamp, record.key, record.value, record.headers


def rows(chunk: Chunk) -> Any:
    for n in range(len(chunk)):
        yield int(chunk.offsets[n]), int(chunk.timestamps[n]), chunk.key(n), chunk.value(n), chunk.headers(n)


@given(
    st.lists(st.tuples(made_records, st.sampled_from((0, 1, 3, 4)), st.sampled_from((0, 0x08))), max_size=4),
    st.integers(0, 50),
    st.integers(0, 60),
    st.data(),
)
def test_gives_what_kafka_python_gives(
    made: list[tuple[list[Made], int, int]], cut: int, at: int, data: st.DataObject
) -> None:
    log, base = b"", 0
    for records, codec, attributes in made:
        holes = data.draw(st.sets(st.integers(0, len(records) - 1), max_size=len(records) - 1))
        log += batch(records, base=base, codec=codec, attributes=attributes, holes=sorted(holes))
        base += len(records) + data.draw(st.integers(0, 3))
    log = log[: len(log) - cut] if cut < len(log) else log
    at = min(at, base)
    theirs, ours = both(log, at)
    # A broker never answers with nothing but what lies before the position; kafka-python would go back.
    assume(theirs[-2] >= at)
    assert ours == theirs


def test_leaves_out_what_a_transaction_gave_up() -> None:
    log = (
        batch(simple(3), base=0, producer=7, transactional=True)
        + batch(simple(2, 3), base=3)
        + batch(simple(2, 5), base=5, producer=8, transactional=True)
        + marker(0, base=7, producer=7)
        + marker(1, base=8, producer=8)
        + batch(simple(2, 9), base=9, producer=7, transactional=True)
        + marker(1, base=11, producer=7)
    )
    for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED):
        theirs, ours = both(log, isolation_level=level, aborted_transactions=[Aborted(7, 0)])
        assert ours == theirs
        assert [row[0] for row in ours[:-2]] == (
            [3, 4, 5, 6, 9, 10] if level == IsolationLevel.READ_COMMITTED else [0, 1, 2, 3, 4, 5, 6, 9, 10]
        )


def test_moves_past_a_fetch_that_holds_nothing_for_us() -> None:
    log = marker(1, base=4, producer=7) + marker(1, base=5, producer=8)
    theirs, ours = both(log, 4)
    assert ours == theirs == [6, -1] or ours == theirs == [6, 0]


@pytest.mark.parametrize("n", [1, 2, 100])
def test_takes_no_more_than_it_is_asked_for(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_batches, "CHUNK_BYTES", 1)
    log = b"".join(batch(simple(3, 3 * n), base=3 * n) for n in range(5))
    part = ChunkRecords(0, PARTITION, MemoryRecords(log))
    chunks = part.take(n)
    assert len(chunks) == min(n, 5)
    assert part.next_fetch_offset == 3 * len(chunks)


def test_joins_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    log = b"".join(batch(simple(2, 2 * n), base=2 * n, codec=n % 2 * 3) for n in range(50))
    (chunk,) = ChunkRecords(0, PARTITION, MemoryRecords(log)).take()
    assert [chunk.value(n) for n in range(len(chunk))] == [b"value %d" % n for n in range(100)]


def test_tells_when_it_is_drained() -> None:
    drained: list[Any] = []
    part = ChunkRecords(0, PARTITION, MemoryRecords(batch(simple(2))), on_drain=drained.append)
    assert part
    part.take()
    assert not part
    assert drained == [part]
    part.drain()
    assert drained == [part]
    assert (part.records_read, part.bytes_read > 0) == (2, True)


def spoilt(raw: bytes, at: int, seal: bool) -> bytes:
    changed = bytearray(raw)
    changed[at] ^= 0x01
    return sealed(changed) if seal else bytes(changed)


GOOD = batch(simple(2))
LONG: list[Made] = [(1, b"key", b"the same again and again " * 20, [])]


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (spoilt(GOOD, 70, seal=False), "failed its checksum"),
        (spoilt(GOOD, 61, seal=True), "does not hold the 2 records|negative"),
        (spoilt(GOOD, 60, seal=True), "does not hold the 3 records"),
        (spoilt(GOOD, 65, seal=True), "a record of another size"),
        (spoilt(batch(LONG, codec=3), 61, seal=True), "cannot be decompressed"),
        (spoilt(batch(LONG, codec=1), 61, seal=True), "cannot be decompressed"),
        (spoilt(batch([(1, b"k", b"v", [("name", b"v")])]), 69, seal=True), "a record of another size"),
        (GOOD[:8] + struct.pack(">i", 20) + GOOD[12:32], "shorter than its header"),
    ],
)  # fmt: skip
def test_refuses_bytes_that_are_no_records(log: bytes, words: str) -> None:
    part = ChunkRecords(5, PARTITION, MemoryRecords(batch(simple(2), base=5)))
    assert part.take()
    with pytest.raises(CorruptRecordError, match=words):
        ChunkRecords(0, PARTITION, MemoryRecords(log)).take()


def test_gives_what_came_before_the_bytes_that_are_none() -> None:
    log = batch(simple(2)) + spoilt(batch(simple(2), base=2), 70, seal=False)
    part = ChunkRecords(0, PARTITION, MemoryRecords(log))
    (chunk,) = part.take()
    assert len(chunk) == 2
    assert part.next_fetch_offset == 2
    with pytest.raises(CorruptRecordError, match="offset 2 failed its checksum"):
        part.take()


def test_does_not_look_at_checksums_when_told_not_to() -> None:
    log = spoilt(GOOD, 75, seal=False)
    assert ChunkRecords(0, PARTITION, MemoryRecords(log), check_crcs=False).take()


def test_refuses_a_codec_that_nobody_knows() -> None:
    with pytest.raises(UnsupportedCodecError, match="7"):
        ChunkRecords(0, PARTITION, MemoryRecords(batch(simple(1), attributes=0x07))).take()


def test_refuses_the_format_of_before_kafka_0_11() -> None:
    builder = LegacyRecordBatchBuilder(1, 0, 10_000)
    builder.append(0, 1, b"k", b"a value that is long enough")
    with pytest.raises(CorruptRecordError, match=r"before Kafka 0\.11"):
        ChunkRecords(0, PARTITION, MemoryRecords(bytes(builder.build()))).take()


# Snappy


def xerial(content: bytes, size: int) -> bytes:
    blocks = [content[at : at + size] for at in range(0, len(content), size)]
    packed = [pa.Codec("snappy").compress(block, asbytes=True) for block in blocks]
    return (
        b"\x82SNAPPY\x00"
        + struct.pack(">ii", 1, 1)
        + b"".join(struct.pack(">i", len(block)) + block for block in packed)
    )


@given(st.binary(max_size=400), st.integers(1, 100))
def test_reads_snappy_in_both_framings(content: bytes, size: int) -> None:
    assert decompress(pa.Codec("snappy").compress(content, asbytes=True)) == content
    assert decompress(xerial(content, size)) == content


def test_reads_a_batch_compressed_with_snappy() -> None:
    raw = bytearray(GOOD[:61] + xerial(GOOD[61:], 30))
    struct.pack_into(">i", raw, 8, len(raw) - 12)
    struct.pack_into(">h", raw, 21, 2)
    (chunk,) = ChunkRecords(0, PARTITION, MemoryRecords(sealed(raw))).take()
    assert [chunk.value(n) for n in range(2)] == [b"value 0", b"value 1"]


@pytest.mark.parametrize("content", [b"", b"\xff" * 6, b"\x82SNAPPY\x00" + bytes(8) + b"\x00\x00\xff\xff1"])
def test_refuses_what_is_no_snappy(content: bytes) -> None:
    with pytest.raises((ValueError, OSError)):
        decompress(content)


# What is assumed of kafka-python, one test each.


@pytest.fixture
def idle_consumer():
    # Never connects: nothing listens on the discard port, and nothing is asked.
    made = KafkaConsumer.__new__(KafkaConsumer)
    made._fetcher = Fetcher.__new__(Fetcher)
    return made


def test_kafka_python_is_a_version_that_was_tried() -> None:
    assert kafka.__version__.startswith("3.0.")


def test_kafka_python_makes_partition_records_through_the_fetcher(idle_consumer: KafkaConsumer) -> None:
    assert install(idle_consumer)
    assert idle_consumer._fetcher.PartitionRecords is ChunkRecords
    assert Fetcher.PartitionRecords is not ChunkRecords, "other consumers are left alone"


@pytest.mark.parametrize("what", ["version", "class", "parameters", "buffer"])
def test_another_kafka_python_is_read_record_by_record(
    idle_consumer: KafkaConsumer, what: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if what == "version":
        monkeypatch.setattr(kafka, "__version__", "3.1.0")
    elif what == "class":
        monkeypatch.setattr(Fetcher, "PartitionRecords", None)
    elif what == "parameters":
        monkeypatch.setattr(
            Fetcher, "PartitionRecords", type("Other", (), {"__init__": lambda self, tp: None})
        )
    else:
        monkeypatch.setattr(MemoryRecords, "__slots__", ("_pos",))
    assert not install(idle_consumer)
    assert "read one by one" in caplog.text


def test_the_fetcher_asks_partition_records_only_for_what_we_have() -> None:
    used = {"topic_partition", "next_fetch_offset", "leader_epoch", "bytes_read", "take", "drain"}
    part = ChunkRecords(0, PARTITION, MemoryRecords(GOOD))
    assert all(hasattr(part, name) for name in used)
    source = __import__("inspect").getsource(Fetcher)
    for name in ("_next_partition_records", "part", "partition_records", "parked"):
        found = set(__import__("re").findall(rf"\b{name}\.(\w+)", source))
        assert found <= used, f"{name}: {found - used}"
