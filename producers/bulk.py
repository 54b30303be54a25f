"""The fast way to kafka-python's sending thread: whole record batches, no `send()` per event.

Queues a ready `ProducerBatch` where `KafkaProducer` queues its own. Producer id, sequence numbers,
compression, checksum, retries, time-outs and the splitting of batches that turn out too large stay
kafka-python's. All this is private API of the pinned version: `missing_parts` looks for every name used,
so that a version without them is noticed before anything is sent.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from kafka.errors import KafkaError
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.memory_records import MemoryRecordsBuilder
from kafka.structs import TopicPartition

from producers.deliveries import Deliveries, Flight
from producers.record_batches import Pair, Records, encode, partitions_of

if TYPE_CHECKING:
    from kafka import KafkaProducer

BATCH_BYTES = 256 * 1024
# The header of a record batch.
BATCH_OVERHEAD = 61
_MAGIC = 2


def missing_parts(producer: KafkaProducer) -> list[str]:
    """The names inside kafka-python that this module uses and that this producer does not have."""
    accumulator, sender = getattr(producer, "_accumulator", None), getattr(producer, "_sender", None)
    records = MemoryRecordsBuilder(_MAGIC, 0, 1)
    batch = ProducerBatch(TopicPartition("", 0), records)
    wanted: list[tuple[object, tuple[str, ...]]] = [
        (producer, ("partitions_for", "config", "_accumulator", "_sender")),
        (sender, ("wakeup",)),
        (accumulator, ("_batches", "_tp_lock", "_incomplete", "_closed")),
        (getattr(accumulator, "_incomplete", None), ("add",)),
        (records, ("_builder", "_next_offset")),
        (
            getattr(records, "_builder", None),
            ("_buffer", "_num_records", "_last_offset", "_first_timestamp", "_max_timestamp"),
        ),
        (batch, ("_record_futures", "produce_future", "max_record_size")),
    ]
    return [
        f"{type(owner).__name__}.{name}"
        for owner, names in wanted
        for name in names
        if not hasattr(owner, name)
    ]


class BulkWay:
    """Sends events as batches of at most `largest_batch` bytes (before compression)."""

    def __init__(
        self, producer: KafkaProducer, topic: str, deliveries: Deliveries, largest_batch: int
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._deliveries = deliveries
        self._target = min(BATCH_BYTES, largest_batch - BATCH_OVERHEAD)

    def send(self, pairs: Sequence[Pair], origins: Sequence[int]) -> None:
        """Queue the events, in order, as room allows; refuse the rest when nothing may be sent any more."""
        try:
            partitions = list(self._producer.partitions_for(self._topic))
        except KafkaError as error:
            # `error` is gone after this block, the refusal is not.
            lost = error
            self._deliveries.refuse(pairs, origins, lambda _: lost)
            return
        chosen = partitions_of([key for key, _ in pairs], partitions)
        for partition in np.unique(chosen).tolist():
            places = np.flatnonzero(chosen == partition).tolist()
            own, names = [pairs[place] for place in places], [origins[place] for place in places]
            self._send_to(partition, own, names)

    def _send_to(self, partition: int, pairs: Sequence[Pair], origins: Sequence[int]) -> None:
        for records in encode(pairs, self._target):
            chosen = slice(records.first, records.last)
            flight = Flight(self._deliveries, pairs[chosen], origins[chosen])
            if self._deliveries.admit(flight.size):
                self._queue(partition, records, flight)
            else:
                self._deliveries.refuse_unsent(flight.pairs, flight.origins)

    def _queue(self, partition: int, records: Records, flight: Flight) -> None:
        batch = ProducerBatch(TopicPartition(self._topic, partition), self._built(records))
        batch._record_futures = _Parts(flight)
        batch.produce_future.add_callback(_settle, flight)
        accumulator = self._producer._accumulator
        with accumulator._tp_lock(batch.topic_partition):
            accumulator._incomplete.add(batch)
            accumulator._batches[batch.topic_partition].append(batch)
        self._producer._sender.wakeup()

    def _built(self, records: Records) -> MemoryRecordsBuilder:
        """The builder as it is after the last `append`: full, so that nothing more is appended."""
        count, now = records.last - records.first, int(time.time() * 1000)
        built = MemoryRecordsBuilder(_MAGIC, self._producer.config["compression_attrs"], 1)
        inner = built._builder
        inner._buffer = bytearray(b"".join((bytes(BATCH_OVERHEAD), *records.pieces)))
        inner._first_timestamp = inner._max_timestamp = now
        inner._num_records, inner._last_offset = count, count - 1
        built._next_offset = count
        return built


def _settle(flight: Flight, result: tuple[int, int, Any]) -> None:
    """What became of a batch: `result` ends with a function from place to error, or None."""
    error_of = result[2]
    if error_of is None:
        flight.arrived()
    else:
        flight.failed(error_of)


class _Parts:
    """Stands where kafka-python keeps a future per record: asked only when it splits a batch."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight

    def __len__(self) -> int:
        return len(self._flight.pairs)

    def __getitem__(self, place: int) -> _Part:
        return _Part(self._flight, place)


class _Part:
    """One event of a batch that was split; it may be moved to a smaller batch more than once."""

    def __init__(self, flight: Flight, place: int) -> None:
        self._flight = flight
        self._place = place

    def rebind(self, produce_future: Any, place_in_batch: int) -> None:
        """From now on the event's fate is that of the batch of `produce_future`."""
        produce_future.add_callback(self._settle, place_in_batch)

    def _settle(self, place_in_batch: int, result: tuple[int, int, Any]) -> None:
        error_of = result[2]
        self._flight.settle_one(self._place, None if error_of is None else error_of(place_in_batch))
