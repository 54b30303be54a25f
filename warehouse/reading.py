"""Reads a topic from stored positions to its end, as batches of a bounded size.

Asks Kafka and nothing else; commits nothing. Guarantees that batches join without gap or overlap: where one
ends, the next one starts.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import CorruptRecordError, KafkaError, OffsetOutOfRangeError

from gridrates.errors import ServiceUnavailable, WarehouseError
from gridrates.kafka_security import denial
from warehouse.batch import Batch
from warehouse.chunks import Chunk, of_records
from warehouse.crash_points import pass_by
from warehouse.offsets import Log
from warehouse.record_batches import install

_POLL_MILLISECONDS = 500
# How much one poll may bring: it bounds what is decompressed and not yet in a batch.
_CHUNKS_A_POLL = 4
_RECORDS_A_POLL = 20_000


class Reader:
    """Reads the partitions of one topic. A batch holds at most `most_events` events, and no more than one
    after `most_bytes` bytes of values. Records come as whole batches where
    kafka-python allows it (and `whole_batches` asks for it), else one by one.
    """

    def __init__(
        self,
        consumer: KafkaConsumer,
        log: Log,
        positions: Mapping[int, int],
        *,
        most_events: int,
        most_bytes: int,
        patience_seconds: float,
        whole_batches: bool = True,
    ) -> None:
        self._consumer = consumer
        self._a_poll = _CHUNKS_A_POLL if whole_batches and install(consumer) else _RECORDS_A_POLL
        self._log = log
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._patience = patience_seconds
        self._partitions = {number: TopicPartition(log.topic, number) for number in log.end_offsets}
        self._positions = dict(positions)
        self._landed_to = dict(positions)
        self._waiting: deque[Chunk] = deque()
        consumer.assign(list(self._partitions.values()))
        for number, partition in self._partitions.items():
            consumer.seek(partition, positions[number])

    def batches(self) -> Iterator[Batch]:
        """Batches up to the end offsets of the log, or somewhat beyond.

        Raises ServiceUnavailable when the broker stays silent, WarehouseError when the log has lost records
        or holds bytes that are no records.
        """
        started, began = time.time(), time.perf_counter()
        while self._read_on():
            while self._is_enough():
                yield self._next_batch(started, time.perf_counter() - began)
                started, began = time.time(), time.perf_counter()
        if self._landed_to != self._positions:
            yield self._next_batch(started, time.perf_counter() - began)

    def _read_on(self) -> bool:
        """Read some more records; False when the end was reached before."""
        give_up = time.monotonic() + self._patience
        while any(self._positions[p] < end for p, end in self._log.end_offsets.items()):
            before = dict(self._positions)
            self._waiting += self._poll()
            if self._positions != before:
                return True
            if time.monotonic() >= give_up:
                raise self._silent()
        return False

    def _poll(self) -> Sequence[Chunk]:
        try:
            polled = self._consumer.poll(timeout_ms=_POLL_MILLISECONDS, max_records=self._a_poll)
        except OffsetOutOfRangeError as error:
            raise self._cut(error) from error
        except CorruptRecordError as error:
            raise self._corrupt(error) from error
        except KafkaError as error:
            raise denial(error) or ServiceUnavailable(
                f"Kafka failed while {self._log.topic} was read ({type(error).__name__}: {error}).",
                remedy="Run the same command again; it goes on where the last transaction ended.",
            ) from error
        for number, partition in self._partitions.items():
            self._positions[number] = self._consumer.position(partition)
        return [chunk for partition, found in polled.items() for chunk in _chunks(partition, found)]

    def _is_enough(self) -> bool:
        events = sum(map(len, self._waiting))
        return events >= self._most_events or sum(c.byte_count for c in self._waiting) >= self._most_bytes

    def _next_batch(self, started: float, seconds: float) -> Batch:
        pass_by("after_fetch")
        taken, from_offsets = self._take(), self._landed_to
        self._landed_to = dict(self._positions)
        for chunk in reversed(self._waiting):
            self._landed_to[chunk.partition] = int(chunk.offsets[0])
        return Batch.of(
            self._log.topic,
            taken,
            from_offsets=from_offsets,
            to_offsets=self._landed_to,
            started_at=started,
            fetch_seconds=seconds,
        )

    def _take(self) -> list[Chunk]:
        """Take chunks off the queue up to the limits, the last one in part; at least one record."""
        taken: list[Chunk] = []
        events = size = 0
        while self._waiting and events < self._most_events and size < self._most_bytes:
            chunk = self._waiting.popleft()
            fitting = chunk.fitting(self._most_events - events, self._most_bytes - size)
            if fitting < len(chunk):
                self._waiting.appendleft(chunk[fitting:])
                chunk = chunk[:fitting]
            taken.append(chunk)
            events += len(chunk)
            size += chunk.byte_count
        return taken

    def _silent(self) -> ServiceUnavailable:
        behind = {p: end - self._positions[p] for p, end in self._log.end_offsets.items()}
        return ServiceUnavailable(
            f"Kafka sent nothing of {self._log.topic} for {self._patience:g} seconds, though "
            f"{sum(n for n in behind.values() if n > 0):,} records are still to come.",
            remedy="Check `gridrates dev status` or the broker's log, then run the same command again.",
        )

    def _cut(self, error: OffsetOutOfRangeError) -> WarehouseError:
        return WarehouseError(
            f"{self._log.topic}: records were deleted while they were being read ({error}).",
            remedy="Run the same command again: it counts what is lost and says what can be done.",
        )

    def _corrupt(self, error: CorruptRecordError) -> WarehouseError:
        return WarehouseError(
            f"{self._log.topic} holds bytes that are no records ({error}).",
            remedy="Restore the partition from a replica. Everything before it was landed.",
        )


def _chunks(partition: Any, found: Sequence[Any]) -> list[Chunk]:
    """Chunks as they are; records as one chunk."""
    if found and isinstance(found[0], Chunk):
        return list(found)
    return [of_records(partition.partition, found)] if found else []
