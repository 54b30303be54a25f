"""Delivers a simulation: to Kafka or into a file, as fast as it goes, at a rate, or as it happens.

Guarantees that the order of sending is kept, and that SIGTERM and Ctrl-C stop it between two portions.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gridrates.errors import ResourceError
from producers.publisher import Publisher
from producers.simulator.simulation import Batch
from producers.simulator.summary import Tally
from producers.stopping import StopSwitch

if TYPE_CHECKING:
    from gridrates.settings import Settings

STDOUT = Path("-")
# At a given rate, a portion is what is due in this time; live, what is due is looked at this often.
BEAT_SECONDS = 0.2


def paced(batches: Iterable[Batch], *, rate: float | None = None, live: bool = False) -> Iterator[Batch]:
    """The same records: `live` ones no earlier than they are sent, and no more than `rate` a second."""
    due = _live(batches) if live else iter(batches)
    return _at_rate(due, rate) if rate else due


def _live(batches: Iterable[Batch]) -> Iterator[Batch]:
    """What lies in the past at once, what lies ahead when its time comes."""
    for batch in batches:
        done, sent = 0, batch.rows["sent"]
        while done < len(sent):
            due = int(sent.searchsorted(time.time(), "right"))
            if due > done:
                yield batch.part(done, due)
                done = due
            else:
                time.sleep(BEAT_SECONDS)


def _at_rate(batches: Iterable[Batch], rate: float) -> Iterator[Batch]:
    size = max(1, int(rate * BEAT_SECONDS))
    next_at = time.monotonic()
    for batch in batches:
        for start in range(0, len(batch.records), size):
            part = batch.part(start, start + size)
            time.sleep(max(0.0, next_at - time.monotonic()))
            # After a stall it does not rush: the rate is a ceiling over any stretch of time.
            next_at = max(next_at, time.monotonic()) + len(part.records) / rate
            yield part


def to_kafka(settings: Settings, batches: Iterator[Batch], tally: Tally) -> int | None:
    """Publish every record; returns the signal that stopped it, if one did.

    Raises ServiceUnavailable when the broker is away or stops taking records.
    """
    publisher = Publisher(settings, settings.topic)
    with StopSwitch(publisher.stop) as switch, publisher:
        for batch in switch.until_stopped(batches):
            publisher.publish(batch.records)
            tally.add(batch)
    return switch.signal_number


def to_file(path: Path, batches: Iterator[Batch], tally: Tally) -> int | None:
    """Write one record's value a line (`-`: to standard output); returns as `to_kafka`.

    Raises ResourceError when the file cannot be written.
    """
    with StopSwitch() as switch, _opened(path) as file:
        for batch in switch.until_stopped(batches):
            file.write(b"".join(value + b"\n" for _, value in batch.records))
            tally.add(batch)
    return switch.signal_number


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        with path.open("wb") as file:
            yield file
    except OSError as error:
        raise ResourceError(
            f"{path} cannot be written: {error.strerror}.", remedy="Name another file."
        ) from error
