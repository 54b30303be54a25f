"""Puts events on a Kafka topic: idempotent, acknowledged by all replicas, in order per key.

Reads nothing; writes to one topic, which it creates if it is missing. Guarantees for every event handed to
`publish` that it is acknowledged, once, or comes back from `refused` with the reason; and that memory stays
bounded, because `publish` waits for room. Personal data in the text of an event is masked before it is sent.

Events go as whole record batches (`producers.bulk`); should kafka-python's insides not be what that needs,
they go one by one through `KafkaProducer.send()`, slower and otherwise the same: the same partitions, the
same guarantees.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from kafka.errors import KafkaError, MessageSizeTooLargeError

from contracts.personal_data import mask_payloads
from gridrates.errors import ServiceUnavailable
from gridrates.kafka import ensure_topic, largest_message, producer
from gridrates.kafka_security import denial
from producers.bulk import BATCH_OVERHEAD, BulkWay, missing_parts
from producers.deliveries import MOST_WAITING_BYTES, Counts, Deliveries, Flight, Refused
from producers.record_batches import RECORD_OVERHEAD, Pair

if TYPE_CHECKING:
    from kafka import KafkaProducer

    from gridrates.settings import Settings

log = logging.getLogger(__name__)

# How many request time-outs an event may wait for its acknowledgement before it is given up.
PATIENCE = 12
# How long `send()` waits for more events before a batch goes.
_LINGER_MILLISECONDS = 20


class _Way(Protocol):
    def send(self, pairs: Sequence[Pair], origins: Sequence[int]) -> None:
        """Send the events, in order, as room allows."""


class PlainWay:
    """Sends events one by one, with kafka-python's public API only."""

    def __init__(self, producer: KafkaProducer, topic: str, deliveries: Deliveries) -> None:
        self._producer = producer
        self._topic = topic
        self._deliveries = deliveries

    def send(self, pairs: Sequence[Pair], origins: Sequence[int]) -> None:
        """Send the events, in order, as room allows; refuse the rest when nothing may be sent any more."""
        for place in range(len(pairs)):
            flight = Flight(self._deliveries, pairs[place : place + 1], origins[place : place + 1])
            if self._deliveries.admit(flight.size):
                self._send_one(flight)
            else:
                self._deliveries.refuse_unsent(flight.pairs, flight.origins)

    def _send_one(self, flight: Flight) -> None:
        (key, value) = flight.pairs[0]
        try:
            future = self._producer.send(self._topic, key=key, value=value)
        except KafkaError as error:
            flight.settle_one(0, error)
            return
        future.add_callback(lambda _: flight.settle_one(0, None))
        future.add_errback(lambda error: flight.settle_one(0, error))


class Publisher:
    """Sends events to `topic`. A context manager, for one thread (but for `stop`).

    Entering raises ServiceUnavailable when the broker is away. Leaving waits for every acknowledgement and
    raises ServiceUnavailable when the broker stopped taking events on the way; after that `counts` are
    final and `refused` gives the last refusals.
    """

    def __init__(
        self,
        settings: Settings,
        topic: str,
        *,
        bulk: bool = True,
        most_waiting_bytes: int = MOST_WAITING_BYTES,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._wants_bulk = bulk
        self._deliveries = Deliveries(most_waiting_bytes)
        self.mask_counts: Counter[str] = Counter()
        self._patience = PATIENCE * settings.kafka_timeout_seconds

    def __enter__(self) -> Publisher:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.stop()
        self.close()
        if kind is None:
            self._raise_outage()

    def open(self) -> None:
        """Create the topic if it is missing, and connect. Raises ServiceUnavailable."""
        # What masking loads takes seconds, which the first who sends should not wait for.
        mask_payloads([b"{}"], Counter())
        ensure_topic(self._settings, self._topic)
        largest = largest_message(self._settings, self._topic)
        self._largest_event = largest - RECORD_OVERHEAD - BATCH_OVERHEAD
        self._producer = producer(
            self._settings,
            delivery_timeout_ms=int(self._patience * 1000) + _LINGER_MILLISECONDS,
            max_block_ms=int(self._settings.kafka_timeout_seconds * 1000),
            linger_ms=0 if self._wants_bulk else _LINGER_MILLISECONDS,
            max_request_size=largest,
        )
        self._way = self._choose_way(largest)

    @property
    def is_bulk(self) -> bool:
        """Whether events go as whole batches."""
        return isinstance(self._way, BulkWay)

    @property
    def counts(self) -> Counts:
        """How many events were given, acknowledged and refused so far."""
        return self._deliveries.counts

    @property
    def failure(self) -> ServiceUnavailable | None:
        """What to tell when the broker stopped taking events, else None."""
        outage, counts = self._deliveries.outage, self.counts
        if outage is None:
            return None
        return denial(outage) or ServiceUnavailable(
            f"Kafka stopped taking events on {self._topic} ({type(outage).__name__}: {outage}): "
            f"{counts.acknowledged:,} acknowledged, {counts.given - counts.acknowledged:,} not.",
            remedy="Check the broker, then run the same command again: events that are already there "
            "are recognised by their ids.",
        )

    @property
    def waiting_bytes(self) -> int:
        """Bytes of keys and values on their way."""
        return self._deliveries.waiting_bytes

    def publish(self, pairs: Sequence[Pair], *, origins: Sequence[int] | None = None) -> None:
        """Send (key, value) pairs, in order. Returns when the last of them is on its way.

        Hand over hundreds or thousands at a time: a call makes at least one record batch a partition.
        `origins` names the events in `refused`; by default they are numbered from 0 on, over all calls.
        Raises ServiceUnavailable when the broker stopped taking events; what was not sent is in `refused`.
        """
        pairs = self._masked(pairs)
        given = self._deliveries.counts.given
        names = range(given, given + len(pairs)) if origins is None else origins
        self._deliveries.give(len(pairs))
        self._way.send(*self._without_too_large(pairs, names))
        self._raise_outage()

    def refused(self) -> list[Refused]:
        """The events refused since the last call."""
        return self._deliveries.take_refused()

    def flush(self) -> None:
        """Wait until the fate of every event is known. Raises ServiceUnavailable as `publish` does."""
        self._deliveries.wait(self._patience + self._settings.kafka_timeout_seconds)
        self._raise_outage()

    def stop(self) -> None:
        """Wait no longer than a request time-out for anything. May be called in a signal handler.

        `publish` then refuses what finds no room, and `close` what is not acknowledged in time.
        """
        self._deliveries.is_stopping = True

    def close(self) -> None:
        """Wait for what is on its way, after `stop` only for one request time-out, and let go.

        What is not acknowledged by then is refused.
        """
        seconds = self._settings.kafka_timeout_seconds
        self._deliveries.wait(seconds if self._deliveries.is_stopping else self._patience + seconds)
        if self.counts.waiting:
            self._producer._sender.force_close()
            self._deliveries.wait(seconds)
        with suppress(KafkaError):
            self._producer.close(timeout=seconds)

    def _choose_way(self, largest: int) -> _Way:
        missing = missing_parts(self._producer) if self._wants_bulk else []
        if missing:
            log.warning("Events go one by one: this kafka-python lacks %s.", ", ".join(missing))
        if missing or not self._wants_bulk:
            return PlainWay(self._producer, self._topic, self._deliveries)
        return BulkWay(self._producer, self._topic, self._deliveries, largest)

    def _masked(self, pairs: Sequence[Pair]) -> Sequence[Pair]:
        """The pairs with personal data masked; `mask_counts` says how often, by the mark."""
        masked = mask_payloads([value for _, value in pairs], self.mask_counts)
        if not masked:
            return pairs
        return [(key, masked.get(place, value)) for place, (key, value) in enumerate(pairs)]

    def _without_too_large(
        self, pairs: Sequence[Pair], origins: Sequence[int]
    ) -> tuple[Sequence[Pair], Sequence[int]]:
        """Refuse what is larger than the topic takes. Such an event would cost the batch it is in."""
        sizes = [len(key) + len(value) for key, value in pairs]
        if max(sizes, default=0) <= self._largest_event:
            return pairs, origins
        fitting = [place for place, size in enumerate(sizes) if size <= self._largest_event]
        for place in sorted(set(range(len(pairs))) - set(fitting)):
            self._refuse_too_large(pairs[place], origins[place], sizes[place])
        return [pairs[place] for place in fitting], [origins[place] for place in fitting]

    def _refuse_too_large(self, pair: Pair, origin: int, size: int) -> None:
        error = MessageSizeTooLargeError(
            f"the event has {size:,} bytes, {self._topic} takes {self._largest_event:,}"
        )
        self._deliveries.refuse([pair], [origin], lambda _: error)

    def _raise_outage(self) -> None:
        if self.failure is not None:
            raise self.failure from self._deliveries.outage
