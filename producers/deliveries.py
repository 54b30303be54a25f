"""The fate of every event handed to the publisher: waiting, acknowledged or refused.

Shared by the thread that publishes and kafka-python's sending thread. Guarantees that what waits never
takes more than `MOST_WAITING_BYTES` (one batch more than that at the most), and that each event is counted
once, whatever happens to it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kafka.errors import (
    InvalidRecordError,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
)

from producers.record_batches import Pair

MOST_WAITING_BYTES = 32 * 1024 * 1024
# How often a wait looks whether it was told to stop: a signal handler cannot notify.
_GLANCE_SECONDS = 0.2
# What one event causes. Any other error means that the broker does not take events.
_OF_ONE_EVENT = (
    InvalidRecordError,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
)


class NotSent(Exception):
    """The event never left: the publisher was stopped meanwhile, or the broker takes nothing."""


@dataclass(frozen=True)
class Refused:
    """An event that Kafka did not acknowledge.

    `origin` is what the caller named it by. When `is_certain`, it is not on the topic; otherwise it may
    be, and sending it again is harmless because an event carries its id. When `is_of_the_event`, it would be
    refused again.
    """

    origin: int
    key: bytes
    value: bytes
    reason: str
    is_certain: bool
    is_of_the_event: bool = False


@dataclass(frozen=True)
class Counts:
    """Events so far."""

    given: int = 0
    acknowledged: int = 0
    refused: int = 0

    @property
    def waiting(self) -> int:
        """Handed over, and their fate is not known yet."""
        return self.given - self.acknowledged - self.refused


class Deliveries:
    """Counts, refusals and room for more."""

    def __init__(self, most_waiting_bytes: int = MOST_WAITING_BYTES) -> None:
        self.outage: Exception | None = None
        self.is_stopping = False
        self._most = most_waiting_bytes
        self._changed = threading.Condition()
        self._given = self._acknowledged = self._refused_count = self._waiting_bytes = 0
        self._refused: list[Refused] = []

    @property
    def counts(self) -> Counts:
        """How many events were given, acknowledged and refused so far."""
        with self._changed:
            return Counts(self._given, self._acknowledged, self._refused_count)

    @property
    def waiting_bytes(self) -> int:
        """Bytes of keys and values whose fate is not known yet."""
        return self._waiting_bytes

    def give(self, count: int) -> None:
        """Count events that were handed over."""
        with self._changed:
            self._given += count

    def admit(self, size: int) -> bool:
        """Wait for room, and take it. False in an outage, or when stopping and there is no room."""
        with self._changed:
            while not self._changed.wait_for(lambda: self._has_room(size), _GLANCE_SECONDS):
                if self.is_stopping:
                    return False
            if self.outage:
                return False
            self._waiting_bytes += size
            return True

    def _has_room(self, size: int) -> bool:
        return self.outage is not None or self._waiting_bytes == 0 or self._waiting_bytes + size <= self._most

    def release(self, size: int) -> None:
        """Give back the room that `admit` took."""
        with self._changed:
            self._waiting_bytes -= size
            self._changed.notify_all()

    def acknowledge(self, count: int) -> None:
        """The broker has these events."""
        with self._changed:
            self._acknowledged += count
            self._changed.notify_all()

    def refuse(self, pairs: Sequence[Pair], origins: Sequence[int], error_of: Callable[[int], Any]) -> None:
        """These events are not acknowledged; `error_of` gives the error of each place."""
        errors = [error_of(place) for place in range(len(pairs))]
        refused = [
            Refused(
                origin,
                key,
                value,
                _reason(error),
                is_certain=isinstance(error, (NotSent, *_OF_ONE_EVENT)),
                is_of_the_event=isinstance(error, _OF_ONE_EVENT),
            )
            for origin, (key, value), error in zip(origins, pairs, errors, strict=True)
        ]
        outage = next((e for e in errors if not isinstance(e, (NotSent, *_OF_ONE_EVENT))), None)
        with self._changed:
            self._refused += refused
            self._refused_count += len(refused)
            self.outage = self.outage or outage
            self._changed.notify_all()

    def refuse_unsent(self, pairs: Sequence[Pair], origins: Sequence[int]) -> None:
        """Nothing may be sent any more: these events stay behind."""
        why = "the publisher was stopped" if self.outage is None else "Kafka takes no events"
        self.refuse(pairs, origins, lambda _: NotSent(f"not sent: {why}"))

    def take_refused(self) -> list[Refused]:
        """The events refused since the last call."""
        with self._changed:
            taken, self._refused = self._refused, []
        return taken

    def wait(self, seconds: float) -> bool:
        """Wait until no event is waiting; False when `seconds` were not enough."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._given == self._acknowledged + self._refused_count, seconds
            )


class Flight:
    """Events on their way together, and the room they take until the fate of each is known."""

    def __init__(self, deliveries: Deliveries, pairs: Sequence[Pair], origins: Sequence[int]) -> None:
        self.pairs = pairs
        self.origins = origins
        self.size = sum(len(key) + len(value) for key, value in pairs)
        self._deliveries = deliveries
        self._unsettled = len(pairs)

    def arrived(self) -> None:
        """All of them are acknowledged."""
        self._deliveries.acknowledge(len(self.pairs))
        self._deliveries.release(self.size)

    def failed(self, error_of: Callable[[int], Any]) -> None:
        """None of them is acknowledged."""
        self._deliveries.refuse(self.pairs, self.origins, error_of)
        self._deliveries.release(self.size)

    def settle_one(self, place: int, error: Any | None) -> None:
        """One of them is acknowledged or not: Kafka took the batch apart."""
        if error is None:
            self._deliveries.acknowledge(1)
        else:
            self._deliveries.refuse([self.pairs[place]], [self.origins[place]], lambda _: error)
        self._unsettled -= 1
        if not self._unsettled:
            self._deliveries.release(self.size)


def _reason(error: Any) -> str:
    if isinstance(error, NotSent):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
