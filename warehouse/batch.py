"""What one transaction lands: chunks of all partitions, and where each partition stands after them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from warehouse.chunks import Chunk, Header, Integers

if TYPE_CHECKING:
    import pyarrow as pa

# A view of so few bytes would have to hold them itself; no event is that short.
_SHORT = 12


@dataclass(frozen=True)
class Record:
    """One record with everything the wire said of it."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[Header]


@dataclass(frozen=True)
class Batch:
    """Chunks in the order of (partition, offset); rows are numbered through all of them.

    `from_offsets` and `to_offsets` are positions by partition: the first is where the batch starts, the
    second where the next one does. They may be further apart than there are rows (transaction markers,
    compaction) and may move with no rows at all.
    """

    topic: str
    chunks: tuple[Chunk, ...]
    from_offsets: Mapping[int, int]
    to_offsets: Mapping[int, int]
    fetch_seconds: float = 0.0
    started_at: float = field(default=0.0)
    # Payloads that take the place of those in the chunks (`warehouse.masking`), and what was found in them.
    masked: Mapping[int, bytes] = field(default_factory=dict)
    mask_counts: Mapping[str, int] = field(default_factory=dict)
    # Rows known to be plain (`warehouse.plain`), in order.
    plain_rows: Integers = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @classmethod
    def of(cls, topic: str, chunks: Iterable[Chunk], **rest: Any) -> Batch:
        """A batch with its chunks put in order. Within a partition they must come in order."""
        return cls(topic, tuple(sorted(chunks, key=lambda chunk: chunk.partition)), **rest)

    def __len__(self) -> int:
        return int(self._starts[-1])

    @cached_property
    def _starts(self) -> Integers:
        """The row each chunk starts at, and the number of rows at the end."""
        return np.concatenate([[0], np.cumsum([len(c) for c in self.chunks], dtype=np.int64)])

    @cached_property
    def partitions(self) -> Integers:
        """The partition of every row."""
        numbers = np.array([chunk.partition for chunk in self.chunks], dtype=np.int64)
        return np.repeat(numbers, np.diff(self._starts))

    @cached_property
    def offsets(self) -> Integers:
        """The offset of every row."""
        return _joined([chunk.offsets for chunk in self.chunks])

    @cached_property
    def timestamps(self) -> Integers:
        """Kafka's timestamp of every row: milliseconds since 1970, -1 when unknown."""
        return _joined([chunk.timestamps for chunk in self.chunks])

    @cached_property
    def sizes(self) -> Integers:
        """Bytes of every row's value, -1 when it has none."""
        sizes = _joined([chunk.value_sizes for chunk in self.chunks])
        for row, payload in self.masked.items():
            sizes[row] = len(payload)
        return sizes

    @property
    def byte_count(self) -> int:
        """Bytes of all values."""
        return sum(chunk.byte_count for chunk in self.chunks)

    def record(self, row: int) -> Record:
        """One record, copied out of its chunk."""
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        chunk, index = self.chunks[number], row - int(self._starts[number])
        return Record(
            partition=chunk.partition,
            offset=int(chunk.offsets[index]),
            timestamp=int(chunk.timestamps[index]),
            key=chunk.key(index),
            value=self.value(row),
            headers=chunk.headers(index),
        )

    def value(self, row: int) -> bytes | None:
        """One record's value."""
        if row in self.masked:
            return self.masked[row]
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self.chunks[number].value(row - int(self._starts[number]))

    def payloads(self, rows: Integers | None = None, *, longest: int) -> pa.Table:
        """Columns `n` (the row's number) and `s` (its value as text), without copying a byte.

        Of all rows, or of those given. `s` is null where no event can be: no value, too short or longer than
        `longest`. It may hold what is not UTF-8: Arrow does not look.
        """
        import pyarrow as pa

        rows = np.arange(len(self)) if rows is None else rows
        views, usable = self._views[rows], (self.sizes > _SHORT)[rows] & (self.sizes <= longest)[rows]
        views[~usable] = 0
        buffers = [pa.py_buffer(np.packbits(usable, bitorder="little")), pa.py_buffer(views)]
        buffers += [pa.py_buffer(chunk.buffer) for chunk in self.chunks]
        buffers.append(pa.py_buffer(b"".join(self.masked.values())))
        texts = pa.Array.from_buffers(pa.string_view(), len(rows), buffers)
        return pa.table({"n": rows.astype(np.int32), "s": texts})

    @cached_property
    def _views(self) -> npt.NDArray[np.void]:
        """Arrow's 16 bytes a text: size, its first four bytes, and where it stands in which buffer."""
        layout = [("size", "<i4"), ("prefix", "<u4"), ("buffer", "<i4"), ("at", "<i4")]
        views = np.zeros(len(self), dtype=layout)
        for number, chunk in enumerate(self.chunks):
            _fill_views(views[int(self._starts[number]) : int(self._starts[number + 1])], chunk, number)
        at = 0
        for row, payload in self.masked.items():
            views[row] = (len(payload), int.from_bytes(payload[:4], "little"), len(self.chunks), at)
            at += len(payload)
        return views


def _fill_views(views: Any, chunk: Chunk, number: int) -> None:
    starts = np.where(chunk.value_sizes > _SHORT, chunk.value_starts, 0)
    content = np.frombuffer(chunk.buffer, dtype=np.uint8)
    views["size"] = chunk.value_sizes
    views["buffer"] = number
    views["at"] = starts
    if len(content) >= 4:
        first = np.lib.stride_tricks.sliding_window_view(content, 4)
        views["prefix"] = np.ascontiguousarray(first[np.minimum(starts, len(first) - 1)]).view("<u4")[:, 0]


def _joined(arrays: list[Integers]) -> Integers:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype=np.int64)
