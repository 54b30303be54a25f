"""Whole record batches instead of records: the fast way through kafka-python.

kafka-python makes an object of every record. `ChunkRecords` takes the place of the one class that does so
and gives chunks of some thousand records; positions, fetch sessions, leader epochs, retries and the rest of
the consumer stay as they are. The place is private (`Fetcher.PartitionRecords`), so `install` looks first
whether everything it leans on is there, and says no otherwise: the caller then gets records, slower.

Guarantees the same records, offsets and positions as plain `poll()`: checksums verified, transaction markers
and aborted transactions left out under read_committed, what lies before the position left out, holes left by
compaction kept as holes.
"""

from __future__ import annotations

import inspect
import logging
import struct
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import kafka
from kafka import KafkaConsumer
from kafka.codec import gzip_decode, lz4_decode, zstd_decode
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError, UnsupportedCodecError
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import calc_crc32c

from warehouse.chunks import Chunk
from warehouse.framing import Piece, frame
from warehouse.snappy import decompress as snappy_decode

logger = logging.getLogger(__name__)

# Record batches are joined up to about this many bytes: numpy has its price by call, not by record.
CHUNK_BYTES = 4 * 1024 * 1024
_LEANS_ON = (
    "fetch_offset",
    "tp",
    "records",
    "check_crcs",
    "isolation_level",
    "aborted_transactions",
    "metric_aggregator",
    "on_drain",
)

_PREFIX = struct.Struct(">qi")
_HEADER = struct.Struct(">qiibIhiqqqhii")
_MAGIC_AT, _MAGIC = 16, 2
_CHECKED_FROM = 21
_CODEC, _LOG_APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20
_CODECS: dict[int, Callable[[Any], bytes]] = {
    1: gzip_decode,
    2: snappy_decode,
    3: lz4_decode,
    4: zstd_decode,
}


def install(consumer: KafkaConsumer) -> bool:
    """Make the consumer's `poll()` give chunks; False when this kafka-python is not one we know."""
    fetcher = getattr(consumer, "_fetcher", None)
    reason = _what_is_unknown(fetcher)
    if reason:
        logger.warning("Records are read one by one, which is slower: %s.", reason)
        return False
    setattr(fetcher, "PartitionRecords", ChunkRecords)  # noqa: B010
    return True


def _what_is_unknown(fetcher: object) -> str:
    """What of kafka-python is not as this module needs it."""
    if not kafka.__version__.startswith("3.0."):
        return f"kafka-python {kafka.__version__} has not been tried"
    replaced = getattr(fetcher, "PartitionRecords", None)
    if not isinstance(fetcher, Fetcher) or not inspect.isclass(replaced):
        return "kafka-python has no Fetcher.PartitionRecords"
    missing = set(_LEANS_ON) - set(inspect.signature(replaced).parameters)
    if missing:
        return f"Fetcher.PartitionRecords takes no {', '.join(sorted(missing))}"
    if "_buffer" not in MemoryRecords.__slots__:
        return "kafka-python's MemoryRecords holds no buffer"
    return ""


@dataclass(frozen=True)
class _Header:
    """What counts of the header of a record batch, format v2."""

    base_offset: int
    leader_epoch: int
    crc: int
    attributes: int
    last_offset_delta: int
    first_timestamp: int
    max_timestamp: int
    producer_id: int
    count: int

    @classmethod
    def of(cls, raw: memoryview) -> _Header:
        values = _HEADER.unpack_from(raw)
        base, _, epoch, _, crc, attributes, last, first_at, max_at, producer, _, _, count = values
        return cls(base, epoch, crc, attributes, last, first_at, max_at, producer, count)

    @property
    def next_offset(self) -> int:
        return self.base_offset + self.last_offset_delta + 1


class ChunkRecords:
    """What one fetch brought of one partition; stands in for kafka-python's `PartitionRecords`."""

    def __init__(
        self,
        fetch_offset: int,
        tp: Any,
        records: MemoryRecords,
        *,
        check_crcs: bool = True,
        isolation_level: Any = IsolationLevel.READ_UNCOMMITTED,
        aborted_transactions: Any = None,
        metric_aggregator: Any = None,
        on_drain: Callable[[Any], None] = lambda _: None,
        **_: Any,
    ) -> None:
        self.topic_partition = tp
        self.leader_epoch = -1
        self.next_fetch_offset = fetch_offset
        self.bytes_read = 0
        self.records_read = 0
        self._fetch_offset = fetch_offset
        self._check_crcs = check_crcs
        self._is_committed = isolation_level == IsolationLevel.READ_COMMITTED
        self._aborted = deque(sorted(aborted_transactions or [], key=lambda txn: txn.first_offset))
        self._aborted_producers: set[int] = set()
        self._metrics = metric_aggregator
        self._on_drain = on_drain
        self._chunks: Iterator[Chunk] | None = self._read(memoryview(records._buffer or b""))
        self._failure: Exception | None = None

    def __bool__(self) -> bool:
        return self._chunks is not None

    def drain(self) -> None:
        """Be done with what is left."""
        if self._chunks is not None:
            self._chunks = None
            if self._metrics:
                self._metrics.record(self.topic_partition, self.bytes_read, self.records_read)
            self._on_drain(self)

    def take(self, n: int | None = None) -> list[Chunk]:
        """Up to n chunks. What fails after some were read is raised by the next call, as in kafka-python."""
        if self._failure:
            failure, self._failure = self._failure, None
            raise failure
        taken: list[Chunk] = []
        try:
            while self._chunks is not None and (n is None or len(taken) < n):
                self._take_one(taken)
        except Exception as error:
            if not taken:
                raise
            self._failure = error
        return taken

    def _take_one(self, taken: list[Chunk]) -> None:
        chunk = next(self._chunks, None) if self._chunks else None
        if chunk is None:
            self.drain()
        else:
            taken.append(chunk)

    def _read(self, buffer: memoryview) -> Iterator[Chunk]:
        """Chunks of joined batches. The position moves with each, and at the end past what was left out."""
        pieces: list[Piece] = []
        position = self.next_fetch_offset
        for raw in _raw_batches(buffer):
            try:
                piece, next_offset = self._piece(raw)
            except CorruptRecordError:
                yield from self._given(pieces, position)
                raise
            pieces += [piece] if piece else []
            position = next_offset
            if sum(len(piece.content) for piece in pieces) >= CHUNK_BYTES:
                yield from self._given(pieces, position)
                pieces = []
        yield from self._given(pieces, position)
        self.next_fetch_offset = max(position, self.next_fetch_offset)

    def _given(self, pieces: list[Piece], position: int) -> Iterator[Chunk]:
        """The pieces as one chunk, without what lies before the position that was asked for."""
        if not pieces:
            return
        chunk = frame(self.topic_partition.partition, pieces)
        chunk = chunk[int(chunk.offsets.searchsorted(self._fetch_offset)) :]
        if len(chunk):
            self.next_fetch_offset = position
            self.records_read += len(chunk)
            self.bytes_read += len(chunk.buffer)
            yield chunk

    def _piece(self, raw: memoryview) -> tuple[Piece | None, int]:
        """The records of a batch, None where they are not for us, and the offset after it."""
        if raw[_MAGIC_AT] != _MAGIC:
            raise CorruptRecordError(
                f"{self.topic_partition} holds records in the format of before Kafka 0.11"
            )
        header = _Header.of(raw)
        if self._check_crcs and calc_crc32c(raw[_CHECKED_FROM:]) != header.crc:
            raise CorruptRecordError(f"{self._place(header)} failed its checksum")
        self.leader_epoch = header.leader_epoch
        is_wanted = not self._is_aborted(header, raw) and not header.attributes & _CONTROL
        return self._decoded(header, raw) if is_wanted else None, header.next_offset

    def _is_aborted(self, header: _Header, raw: memoryview) -> bool:
        """Whether the batch is of a transaction that was given up; keeps the books of those."""
        if not self._is_committed or header.producer_id < 0:
            return False
        while self._aborted and self._aborted[0].first_offset <= header.next_offset - 1:
            self._aborted_producers.add(self._aborted.popleft().producer_id)
        if header.attributes & _CONTROL:
            if next(DefaultRecordBatch(raw)).abort:
                self._aborted_producers.discard(header.producer_id)
            return True
        return bool(header.attributes & _TRANSACTIONAL) and header.producer_id in self._aborted_producers

    def _decoded(self, header: _Header, raw: memoryview) -> Piece:
        content: Any = raw[_HEADER.size :]
        codec = header.attributes & _CODEC
        if codec and codec not in _CODECS:
            raise UnsupportedCodecError(f"{self._place(header)} is compressed in a way nobody knows: {codec}")
        try:
            content = _CODECS[codec](content) if codec else content
        except Exception as error:  # each codec has exceptions of its own
            raise CorruptRecordError(f"{self._place(header)} cannot be decompressed: {error}") from error
        is_appended = bool(header.attributes & _LOG_APPEND_TIME)
        return Piece(
            content=content,
            count=header.count,
            base_offset=header.base_offset,
            timestamp=header.max_timestamp if is_appended else header.first_timestamp,
            has_deltas=not is_appended,
            place=self._place(header),
        )

    def _place(self, header: _Header) -> str:
        return f"record batch of {self.topic_partition} at offset {header.base_offset}"


def _raw_batches(buffer: memoryview) -> Iterator[memoryview]:
    """The batches of a fetch; the last one may be cut off, and is then left for the next fetch."""
    at = 0
    while at + _PREFIX.size <= len(buffer):
        _, length = _PREFIX.unpack_from(buffer, at)
        end = at + _PREFIX.size + length
        if end > len(buffer):
            return
        if end - at < _HEADER.size:
            raise CorruptRecordError(f"a record batch of {end - at} bytes is shorter than its header")
        yield buffer[at:end]
        at = end
