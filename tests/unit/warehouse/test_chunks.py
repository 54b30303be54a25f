"""Records as positions in a buffer: what goes in comes out."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from kafka.record.util import encode_varint

from tests.landing import Sent, batch_of_partitions
from warehouse.batch import Batch
from warehouse.chunks import of_records, read_varint, write_varint

contents = st.none() | st.binary(max_size=40)
headers = st.lists(st.tuples(st.text(max_size=5), contents), max_size=3)
records = st.lists(
    st.builds(Sent, offset=st.integers(0, 2**62), value=contents, key=contents, headers=headers), max_size=8
)


@given(records)
def test_a_chunk_gives_back_every_part_of_every_record(sent: list[Sent]) -> None:
    chunk = of_records(3, sent)
    assert len(chunk) == len(sent)
    for index, record in enumerate(sent):
        assert chunk.key(index) == record.key
        assert chunk.value(index) == record.value
        assert chunk.headers(index) == record.headers
        assert chunk.offsets[index] == record.offset
    assert chunk.byte_count == sum(len(record.value or b"") for record in sent)


@given(records, st.integers(0, 8), st.integers(0, 8))
def test_a_slice_of_a_chunk_is_a_chunk_of_the_slice(sent: list[Sent], first: int, last: int) -> None:
    part = of_records(3, sent)[first:last]
    assert [part.value(index) for index in range(len(part))] == [r.value for r in sent[first:last]]


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_are_written_as_kafka_does(value: int) -> None:
    written: list[int] = []
    encode_varint(value, written.append)
    assert write_varint(value) == bytes(written)
    assert read_varint(bytes(written), 0) == (value, len(written))


def test_a_header_name_that_is_no_text_stays_readable() -> None:
    chunk = of_records(0, [Sent(0, b"x", headers=[("name", b"1")])])
    spoilt = chunk.buffer.replace(b"name", b"n\xffme")  # type: ignore[union-attr]
    broken = type(chunk)(**{**vars(chunk), "buffer": spoilt})
    assert broken.headers(0) == [("n\N{REPLACEMENT CHARACTER}me", b"1")]


def test_a_batch_numbers_its_rows_by_partition_and_offset() -> None:
    batch = batch_of_partitions({2: [b"c", b"d"], 0: [b"a"], 1: [b"b"]}, first=7)
    assert [batch.value(row) for row in range(len(batch))] == [b"a", b"b", b"c", b"d"]
    assert batch.partitions.tolist() == [0, 1, 2, 2]
    assert batch.offsets.tolist() == [7, 7, 7, 8]
    assert (batch.record(3).partition, batch.record(3).offset, batch.record(3).key) == (2, 8, b"C-1")


def test_an_empty_batch_has_no_rows() -> None:
    batch = Batch.of("t", [], from_offsets={0: 5}, to_offsets={0: 6})
    assert len(batch) == 0
    assert batch.payloads(longest=10).num_rows == 0


@given(st.lists(st.none() | st.binary(max_size=60), max_size=30), st.integers(0, 60))
def test_payloads_are_the_values_that_can_be_events(values: list[bytes | None], longest: int) -> None:
    half = len(values) // 2
    batch = batch_of_partitions({0: values[:half], 1: values[half:]})
    table = batch.payloads(longest=longest)
    assert table["n"].to_pylist() == list(range(len(values)))
    seen = [None if view is None else bytes(view) for view in table["s"].cast("binary_view").to_pylist()]
    assert seen == [v if v is not None and 12 < len(v) <= longest else None for v in values]


def test_payloads_are_not_copied() -> None:
    batch = batch_of_partitions({0: [b"x" * 100_000] * 50})
    buffers = batch.payloads(longest=10**6)["s"].chunk(0).buffers()
    assert (
        np.frombuffer(buffers[2], np.uint8).ctypes.data
        == np.frombuffer(batch.chunks[0].buffer, np.uint8).ctypes.data
    )
