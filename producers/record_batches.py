"""Events as Kafka record batches, made many at a time.

Pure functions from bytes to bytes: which partition a key belongs to (the same one a plain `send()` would
choose), and the records of a batch in Kafka's message format v2, without the batch header. kafka-python
does both correctly, one record at a time in Python; here the hash is computed over arrays and a batch is
one join of prepared pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from kafka.record.util import encode_varint

Pair: TypeAlias = tuple[bytes, bytes]

# Two bytes are enough for the offset of a record within its batch below this number.
MOST_RECORDS = 8192
# Length, attributes, timestamp, offset, two lengths and the count of headers take no more than this.
RECORD_OVERHEAD = 21

_M = np.uint32(0x5BD1E995)
_SEED = 0x9747B28C


def murmur2(keys: Sequence[bytes]) -> npt.NDArray[np.uint32]:
    """Kafka's 32-bit murmur2 of each key."""
    hashes = np.empty(len(keys), dtype=np.uint32)
    lengths = np.fromiter(map(len, keys), dtype=np.int64, count=len(keys))
    for length in np.unique(lengths):
        chosen = np.flatnonzero(lengths == length)
        joined = b"".join([keys[index] for index in chosen.tolist()])
        hashes[chosen] = _murmur2_of(np.frombuffer(joined, np.uint8).reshape(len(chosen), length))
    return hashes


def _murmur2_of(keys: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """The hashes of keys of one length, a row each. Unsigned arithmetic wraps around, as is meant."""
    count, length = keys.shape
    whole = length // 4
    hashes = np.full(count, _SEED ^ length, dtype=np.uint32)
    words = np.ascontiguousarray(keys[:, : whole * 4]).view("<u4").astype(np.uint32, copy=False)
    for column in range(whole):
        word = words[:, column] * _M
        word ^= word >> np.uint32(24)
        hashes = hashes * _M ^ word * _M
    tail = keys[:, whole * 4 :].astype(np.uint32)
    for place in range(tail.shape[1]):
        hashes ^= tail[:, place] << np.uint32(8 * place)
    if tail.shape[1]:
        hashes *= _M
    hashes ^= hashes >> np.uint32(13)
    hashes *= _M
    return hashes ^ hashes >> np.uint32(15)


def partitions_of(keys: Sequence[bytes], partitions: Sequence[int]) -> npt.NDArray[np.int64]:
    """The partition of each key, chosen among `partitions` as Kafka's default partitioner does."""
    places = (murmur2(keys) & np.uint32(0x7FFFFFFF)) % np.uint32(len(partitions))
    return np.take(np.asarray(sorted(partitions), dtype=np.int64), places)


def varint(number: int) -> bytes:
    """A number as Kafka writes it in a record: zigzag, seven bits a byte."""
    written = bytearray()
    encode_varint(number, written.append)
    return bytes(written)


_VARINTS = tuple(varint(number) for number in range(MOST_RECORDS))
# No attributes, the batch's own timestamp, the offset.
_STARTS = tuple(b"\x00\x00" + offset for offset in _VARINTS)
_NO_HEADERS = b"\x00"


@dataclass(frozen=True)
class Records:
    """The records of one batch: events `first` up to, not including, `last` of those given."""

    first: int
    last: int
    pieces: list[bytes]
    size: int


def encode(pairs: Sequence[Pair], target_bytes: int) -> Iterator[Records]:
    """Batches of about `target_bytes` before compression, in order; a larger event has one of its own."""
    first, size, pieces = 0, 0, list[bytes]()
    for index, (key, value) in enumerate(pairs):
        key_size, value_size = len(key), len(value)
        room = target_bytes - RECORD_OVERHEAD - key_size - value_size
        if pieces and (size > room or index - first == MOST_RECORDS):
            yield Records(first, index, pieces, size)
            first, size, pieces = index, 0, []
        start = _STARTS[index - first]
        key_length = _VARINTS[key_size] if key_size < MOST_RECORDS else varint(key_size)
        value_length = _VARINTS[value_size] if value_size < MOST_RECORDS else varint(value_size)
        body = len(start) + len(key_length) + key_size + len(value_length) + value_size + 1
        length = _VARINTS[body] if body < MOST_RECORDS else varint(body)
        pieces += (length, start, key_length, key, value_length, value, _NO_HEADERS)
        size += body + len(length)
    if pieces:
        yield Records(first, len(pairs), pieces, size)
