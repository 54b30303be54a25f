"""Finds keys, values and headers in the records of Kafka's message format v2, over arrays.

One loop hops from record to record; all the rest is computed for thousands of records at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from kafka.errors import CorruptRecordError

from warehouse.chunks import Chunk, Integers

Octets = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Piece:
    """The records of one batch, uncompressed, and what its header says for all of them.

    `timestamp` is the first record's (`has_deltas`: each adds its own delta) or that of all. `place` names
    the batch in errors.
    """

    content: Any
    count: int
    base_offset: int
    timestamp: int
    has_deltas: bool
    place: str


def frame(partition: int, pieces: Sequence[Piece]) -> Chunk:
    """One chunk of consecutive batches. Raises CorruptRecordError naming a batch that is not well formed."""
    content = _joined(pieces)
    bodies, ends = _records(pieces)
    counts = [piece.count for piece in pieces]
    deltas, at = _varints(content, bodies + 1)  # past the attributes, which say nothing
    offsets, at = _varints(content, at)
    key_sizes, key_starts = _varints(content, at)
    value_sizes, value_starts = _varints(content, key_starts + np.maximum(key_sizes, 0))
    header_starts = value_starts + np.maximum(value_sizes, 0)
    _check(content, header_starts, ends, pieces)
    has_deltas = np.repeat([piece.has_deltas for piece in pieces], counts)
    return Chunk(
        partition=partition,
        buffer=content.data,
        offsets=np.repeat([piece.base_offset for piece in pieces], counts) + offsets,
        timestamps=np.repeat([piece.timestamp for piece in pieces], counts) + np.where(has_deltas, deltas, 0),
        key_starts=key_starts,
        key_sizes=key_sizes,
        value_starts=value_starts,
        value_sizes=value_sizes,
        header_starts=header_starts,
    )


def _joined(pieces: Sequence[Piece]) -> Octets:
    """The pieces one after the other. numpy asks the system for few large pages where they are large."""
    parts = [np.frombuffer(piece.content, dtype=np.uint8) for piece in pieces]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _records(pieces: Sequence[Piece]) -> tuple[Integers, Integers]:
    """Where the body of each record starts and ends in the pieces one after the other."""
    bodies: list[Integers] = []
    ends: list[Integers] = []
    first = 0
    for piece in pieces:
        try:
            own_bodies, own_ends, last = _hop(piece.content, piece.count)
        except IndexError:
            last = -1
        if last != len(piece.content):
            raise CorruptRecordError(f"the {piece.place} does not hold the {piece.count} records it claims")
        bodies.append(np.array(own_bodies, dtype=np.int64) + first)
        ends.append(np.array(own_ends, dtype=np.int64) + first)
        first += last
    return np.concatenate(bodies), np.concatenate(ends)


def _hop(buffer: Any, count: int) -> tuple[list[int], list[int], int]:
    """Go from record to record by their sizes; return where bodies start and end, and the end of all."""
    bodies: list[int] = []
    ends: list[int] = []
    at = 0
    for _ in range(count):
        size = buffer[at]
        at += 1
        if size > 0x7F:  # written out, as this runs once for every record there is
            more = buffer[at]
            at += 1
            size = (size & 0x7F) | (more & 0x7F) << 7
            shift = 14
            while more > 0x7F:
                more = buffer[at]
                at += 1
                size |= (more & 0x7F) << shift
                shift += 7
        if size & 1:
            raise IndexError
        bodies.append(at)
        at += size >> 1
        ends.append(at)
    return bodies, ends, at


def _varints(content: Octets, at: Integers) -> tuple[Integers, Integers]:
    """The zigzag variable-length integers at some positions, and the positions after them."""
    octets = content.take(at, mode="clip")
    values = (octets & 0x7F).astype(np.uint64)
    after = at + 1
    unfinished = np.flatnonzero(octets > 0x7F)
    shift = 7
    while len(unfinished) and shift < 70:
        octets = content.take(after[unfinished], mode="clip")
        values[unfinished] |= (octets & 0x7F).astype(np.uint64) << np.uint64(shift)
        after[unfinished] += 1
        unfinished = unfinished[octets > 0x7F]
        shift += 7
    signs = -(values & np.uint64(1)).astype(np.int64)
    return (values >> np.uint64(1)).astype(np.int64) ^ signs, after


def _check(content: Octets, header_starts: Integers, ends: Integers, pieces: Sequence[Piece]) -> None:
    """Every record ends where its size said it would."""
    is_wrong = _after_headers(content, header_starts, ends) != ends
    if is_wrong.any():
        places = list(chain.from_iterable([piece.place] * piece.count for piece in pieces))
        raise CorruptRecordError(f"the {places[int(np.argmax(is_wrong))]} holds a record of another size")


def _after_headers(content: Octets, header_starts: Integers, ends: Integers) -> Integers:
    """The positions after all headers, or some other position where they do not fit into the record."""
    counts, at = _varints(content, header_starts)
    rows = np.flatnonzero((counts > 0) & (at < ends))
    while len(rows):
        for _ in range(2):  # a name, then a value
            sizes, starts = _varints(content, at[rows])
            at[rows] = starts + np.maximum(sizes, 0)
        counts[rows] -= 1
        rows = rows[(counts[rows] > 0) & (at[rows] < ends[rows])]
    at[counts != 0] = -1
    return at
