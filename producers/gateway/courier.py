"""Takes events to Kafka in a thread of its own, and brings back what became of each.

Between the event loop of the server and the publisher, which blocks. What several requests bring while a
delivery is under way goes in the next one together, so that the number of acknowledgements waited for does
not grow with the number of requests. When Kafka stops taking events, those under way are given back and the
courier connects anew by itself; until then it takes none.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gridrates.errors import GridratesError, ServiceUnavailable
from producers.deliveries import Refused
from producers.publisher import Publisher
from producers.record_batches import Pair

if TYPE_CHECKING:
    from gridrates.settings import Settings

log = logging.getLogger(__name__)

MOST_WAITING_BYTES = 64 * 1024 * 1024
MOST_EVENTS_TOGETHER = 5000
RETRY_SECONDS = 1.0


class Busy(Exception):
    """No event is taken now; the sender should come again after `seconds`."""

    def __init__(self, reason: str, seconds: int) -> None:
        super().__init__(reason)
        self.seconds = seconds


@dataclass(frozen=True)
class _Job:
    """The events of one request, and who waits for them."""

    pairs: Sequence[Pair]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[list[Refused]]

    @property
    def size(self) -> int:
        return sum(len(key) + len(value) for key, value in self.pairs)

    def resolve(self, refused: list[Refused]) -> None:
        """Tell who waits, in their own thread; nobody does when the server was torn down."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.done.set_result, refused)


class Courier:
    """Delivers events of requests to the topic of the settings.

    `deliver` is for one event loop; everything else of it happens in the courier's thread.
    """

    def __init__(self, settings: Settings, *, patience_seconds: float | None = None) -> None:
        self._settings = settings
        self._patience = patience_seconds or settings.kafka_timeout_seconds
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._waiting_bytes = 0
        self._is_connected = False
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    @property
    def is_connected(self) -> bool:
        """Whether Kafka takes events."""
        return self._is_connected

    def start(self) -> None:
        """Connect, and begin. Raises ServiceUnavailable when the broker is away."""
        self._publisher = self._open()
        self._thread.start()

    def close(self) -> None:
        """Deliver what was handed over, and let go."""
        self._is_closing.set()
        self._jobs.put(None)
        self._thread.join()

    async def deliver(self, pairs: Sequence[Pair]) -> list[Refused]:
        """Send events; returns when the fate of each is known: those that were refused, by place.

        Raises Busy when Kafka does not take events fast enough. Then they may have arrived or not, and
        sending them again is harmless.
        """
        if not self._is_connected:
            raise Busy("Kafka takes no events", 5)
        loop = asyncio.get_running_loop()
        job = _Job(pairs, loop, loop.create_future())
        size = job.size
        if self._waiting_bytes and self._waiting_bytes + size > MOST_WAITING_BYTES:
            raise Busy("too many events wait for Kafka", 2)
        self._waiting_bytes += size
        job.done.add_done_callback(lambda _: self._free(size))
        self._jobs.put(job)
        try:
            return await asyncio.wait_for(asyncio.shield(job.done), self._patience)
        except TimeoutError as error:
            raise Busy("Kafka did not acknowledge in time", 5) from error

    def _free(self, size: int) -> None:
        self._waiting_bytes -= size

    def _open(self) -> Publisher:
        publisher = Publisher(self._settings, self._settings.topic)
        publisher.open()
        self._is_connected = True
        return publisher

    def _run(self) -> None:
        try:
            self._deliver_until_closed()
        finally:
            # Whatever ended it: nobody delivers any more.
            self._is_connected = False

    def _deliver_until_closed(self) -> None:
        while jobs := self._take():
            pairs = [pair for job in jobs for pair in job.pairs]
            try:
                self._publisher.publish(pairs, origins=range(len(pairs)))
                self._publisher.flush()
            except ServiceUnavailable as error:
                log.warning("%s", error.message)
                self._is_connected = False
                self._publisher.close()
            self._tell(jobs, self._publisher.refused())
            if not self._is_connected:
                self._reconnect()
        self._publisher.close()

    def _take(self) -> list[_Job]:
        """What waits, up to a number of events; none when the courier is closed and all is delivered."""
        first = self._jobs.get()
        jobs = [] if first is None else [first]
        count = sum(len(job.pairs) for job in jobs)
        while jobs and count < MOST_EVENTS_TOGETHER:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            jobs.append(job)
            count += len(job.pairs)
        return jobs

    def _tell(self, jobs: list[_Job], refused: list[Refused]) -> None:
        start = 0
        for job in jobs:
            end = start + len(job.pairs)
            own = [one for one in refused if start <= one.origin < end]
            job.resolve([replace(one, origin=one.origin - start) for one in own])
            start = end

    def _reconnect(self) -> None:
        while not self._is_closing.wait(RETRY_SECONDS):
            try:
                self._publisher = self._open()
            except GridratesError as error:
                # Also a certificate that is just being replaced.
                log.warning("%s", error.message)
                continue
            return
