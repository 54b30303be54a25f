"""Record batches made at once are those that kafka-python makes one record at a time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.partitioner.default import DefaultPartitioner
from kafka.partitioner.default import murmur2 as kafkas_murmur2
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.util import decode_varint

from producers.record_batches import (
    MOST_RECORDS,
    RECORD_OVERHEAD,
    Pair,
    encode,
    murmur2,
    partitions_of,
    varint,
)

HEADER = 61


class Cluster:
    """What the default partitioner asks about a topic."""

    def __init__(self, partitions: set[int]) -> None:
        self._partitions = partitions

    def topics(self) -> set[str]:
        return {"t"}

    def partitions_for_topic(self, _topic: str) -> set[int]:
        return self._partitions

    available_partitions_for_topic = partitions_for_topic


def records_of_kafka(pairs: list[Pair]) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 10**9)
    for offset, (key, value) in enumerate(pairs):
        assert builder.append(offset, 1000, key, value, []) is not None
    return bytes(builder._buffer[HEADER:])


def made(pairs: list[Pair], target: int = 10**9) -> list[tuple[list[Pair], bytes]]:
    return [(pairs[r.first : r.last], b"".join(r.pieces)) for r in encode(pairs, target)]


@given(st.lists(st.binary(max_size=40), max_size=50))
def test_hashes_are_kafkas(keys: list[bytes]) -> None:
    assert murmur2(keys).tolist() == [kafkas_murmur2(key) for key in keys]


def test_hashes_of_keys_as_they_are() -> None:
    # Known values of Kafka's own tests.
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    assert murmur2(list(known)).astype("int32").tolist() == list(known.values())


@given(
    st.lists(st.binary(min_size=1, max_size=24), min_size=1, max_size=20),
    st.sets(st.integers(0, 60), min_size=1),
)
def test_partitions_are_those_of_a_plain_send(keys: list[bytes], partitions: set[int]) -> None:
    partitioner, cluster = DefaultPartitioner(), Cluster(partitions)
    plain = [partitioner.partition("t", key, key, b"", b"", cluster) for key in keys]
    assert partitions_of(keys, list(partitions)).tolist() == plain


def test_no_keys_have_no_partitions() -> None:
    assert partitions_of([], [0, 1]).tolist() == []


@pytest.mark.parametrize("number", [0, 1, 63, 64, 8191, 8192, 2**20, 2**31 - 1])
def test_varints_read_back(number: int) -> None:
    assert decode_varint(bytearray(varint(number)), 0) == (number, len(varint(number)))


@given(st.lists(st.tuples(st.binary(max_size=300), st.binary(max_size=9000)), max_size=20))
def test_records_are_kafkas_to_the_byte(pairs: list[Pair]) -> None:
    assert made(pairs) == ([(pairs, records_of_kafka(pairs))] if pairs else [])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=500)), max_size=200), st.integers(1, 4000)
)
def test_batches_keep_order_size_and_every_event(pairs: list[Pair], target: int) -> None:
    batches = made(pairs, target)
    assert [pair for chosen, _ in batches for pair in chosen] == pairs
    for chosen, records in batches:
        assert records == records_of_kafka(chosen)
        assert len(records) <= target or len(chosen) == 1


def test_sizes_are_told_truly() -> None:
    pairs = [(b"k" * random.Random(n).randint(0, 90), b"v" * n * 37) for n in range(300)]
    for records in encode(pairs, 50_000):
        assert records.size == sum(map(len, records.pieces))
        for place in range(records.first, records.last):
            key, value = pairs[place]
            assert records.size >= len(key) + len(value)


def test_a_record_adds_no_more_than_its_overhead() -> None:
    for size in (0, 10, 8191, 8192, 2**21):
        pair = (b"k" * 9000, b"v" * size)
        (records,) = encode([pair], 10**9)
        assert records.size - len(pair[0]) - len(pair[1]) <= RECORD_OVERHEAD


def test_a_batch_has_a_limit_of_records() -> None:
    pairs = [(b"", b"")] * (MOST_RECORDS + 3)
    batches = made(pairs)
    assert [len(chosen) for chosen, _ in batches] == [MOST_RECORDS, 3]
    assert batches[0][1] == records_of_kafka(pairs[:MOST_RECORDS])
