"""Records of one partition that lie in one buffer, as positions instead of objects.

What every reader hands to the landing: nothing is copied or decoded until somebody asks for one record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Integers: TypeAlias = npt.NDArray[np.int64]
Header: TypeAlias = tuple[str, bytes | None]

NULL = -1


@dataclass(frozen=True)
class Chunk:
    """Consecutive records of one partition.

    All arrays have one entry a record. `starts` and `sizes` find keys and values in `buffer` (size -1: null);
    `header_starts` is where a record's number of headers stands, in Kafka's encoding. `timestamps` are
    milliseconds since 1970, -1 when unknown.
    """

    partition: int
    buffer: bytes | bytearray | memoryview
    offsets: Integers
    timestamps: Integers
    key_starts: Integers
    key_sizes: Integers
    value_starts: Integers
    value_sizes: Integers
    header_starts: Integers

    def __len__(self) -> int:
        return len(self.offsets)

    def __getitem__(self, rows: slice) -> Chunk:
        """Some of the records, in the same buffer."""
        arrays = (
            self.offsets,
            self.timestamps,
            self.key_starts,
            self.key_sizes,
            self.value_starts,
            self.value_sizes,
            self.header_starts,
        )
        return Chunk(self.partition, self.buffer, *(array[rows] for array in arrays))

    @cached_property
    def byte_count(self) -> int:
        """Bytes of all values."""
        return int(np.maximum(self.value_sizes, 0).sum())

    def fitting(self, events: int, size: int) -> int:
        """How many records from the start fit: so many events, or the first to reach so many bytes."""
        sizes = np.cumsum(np.maximum(self.value_sizes, 0))
        return min(events, int(np.searchsorted(sizes, size)) + 1, len(self))

    def key(self, index: int) -> bytes | None:
        """The key of one record."""
        return self._bytes(int(self.key_starts[index]), int(self.key_sizes[index]))

    def value(self, index: int) -> bytes | None:
        """The value of one record."""
        return self._bytes(int(self.value_starts[index]), int(self.value_sizes[index]))

    def headers(self, index: int) -> list[Header]:
        """The headers of one record; a name that is not UTF-8 keeps its readable part."""
        at = int(self.header_starts[index])
        count, at = read_varint(self.buffer, at)
        headers = []
        for _ in range(count):
            size, at = read_varint(self.buffer, at)
            name = self._bytes(at, size) or b""
            at += size
            size, at = read_varint(self.buffer, at)
            headers.append((name.decode(errors="replace"), self._bytes(at, size)))
            at += max(size, 0)
        return headers

    def _bytes(self, start: int, size: int) -> bytes | None:
        return None if size < 0 else bytes(self.buffer[start : start + size])


def of_records(partition: int, records: Sequence[Any]) -> Chunk:
    """A chunk of kafka-python's `ConsumerRecord`s, for readers that have nothing better."""
    buffer = bytearray()
    columns: list[tuple[int, ...]] = []
    for record in records:
        spans = (*_append(buffer, record.key), *_append(buffer, record.value))
        columns.append((record.offset, record.timestamp, *spans, len(buffer)))
        buffer += _encoded_headers(record.headers)
    table = np.array(columns, dtype=np.int64).reshape(len(columns), 7)
    return Chunk(partition, buffer, *(np.ascontiguousarray(column) for column in table.T))


def _append(buffer: bytearray, content: bytes | None) -> tuple[int, int]:
    start = len(buffer)
    if content is None:
        return start, NULL
    buffer += content
    return start, len(content)


def _encoded_headers(headers: Iterable[Header]) -> bytes:
    headers = list(headers)
    parts = [write_varint(len(headers))]
    for name, content in headers:
        parts += [write_varint(len(name.encode())), name.encode()]
        parts += [write_varint(NULL if content is None else len(content)), content or b""]
    return b"".join(parts)


def read_varint(buffer: bytes | bytearray | memoryview, at: int) -> tuple[int, int]:
    """A zigzag variable-length integer and the position after it."""
    value = shift = 0
    while True:
        byte = buffer[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7


def write_varint(value: int) -> bytes:
    """A zigzag variable-length integer."""
    rest = (value << 1) ^ (value >> 63)
    parts = bytearray()
    while rest > 0x7F:
        parts.append(0x80 | (rest & 0x7F))
        rest >>= 7
    parts.append(rest)
    return bytes(parts)
