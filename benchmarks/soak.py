"""A soak: events at a steady rate, landed all the time, while memory, files and handles are watched.

`python -m benchmarks.soak [--minutes N] [--rate N]` (or `make soak`) starts a broker below `GRIDRATES_HOME`
unless one is configured, publishes so many new events a second, and lands them again and again in one process
that also runs a writer's usual work in between. Every ten seconds it notes the process's memory, the size of
the live file, open handles and what waits. It prints a line a note, and at the end the slope of memory, bytes
an event, and whether landed + duplicates + rejected = produced. Exit code 1 when one of these is wrong.
`--plot FILE.svg` draws the notes, and writes them beside it as FILE.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import psutil

from benchmarks.events import events
from benchmarks.landing import statement
from benchmarks.soak_plot import draw
from benchmarks.table import broker
from gridrates.settings import Settings, load_settings
from producers.publisher import Publisher
from warehouse.landing import land
from warehouse.live import open_live

NOTE_SECONDS = 10.0
# What is measured before: imports, the first batches, the buffers that fill once. In a run that is shorter
# than this, a slope tells of nothing else.
WARM_UP_SHARE = 0.5
SLOPE_SECONDS = 900
MOST_MEGABYTES_AN_HOUR = 100.0
MOST_NEW_HANDLES = 10


@dataclass(frozen=True)
class Note:
    """The process at a moment: megabytes, bytes, events."""

    seconds: float
    memory_mb: float
    file_bytes: int
    handles: int
    produced: int
    landed: int


class Source:
    """Publishes made-up events at a steady rate in a thread, as far as Kafka keeps up."""

    def __init__(self, settings: Settings, rate: int, seconds: float) -> None:
        self.produced = 0
        self.failure: BaseException | None = None
        self.is_done = False
        self._settings = settings
        self._rate = rate
        self._seconds = seconds
        self._thread = threading.Thread(target=self._work, name="source", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _work(self) -> None:
        try:
            self._publish()
        except BaseException as error:
            self.failure = error
        self.is_done = True

    def _publish(self) -> None:
        made, began = events(10**9), time.monotonic()
        with Publisher(self._settings, self._settings.topic) as publisher:
            while (now := time.monotonic() - began) < self._seconds:
                # Who has fallen behind catches up by portions: their memory counts as the process's.
                due = min(int(now * self._rate) - self.produced, self._rate)
                publisher.publish(list(islice(made, due)))
                self.produced += due
                time.sleep(0.2)


def soak(settings: Settings, rate: int, minutes: float) -> list[Note]:
    """Land for so long, and until everything is landed; return what was noted."""
    source, process = Source(settings, rate, minutes * 60), psutil.Process()
    source.start()
    notes: list[Note] = []
    read, began, next_note = 0, time.monotonic(), NOTE_SECONDS
    # The broker has the topic before the first landing asks for it.
    while not source.produced and not source.failure:
        time.sleep(0.1)
    while not source.failure:
        was_done = source.is_done
        with open_live(settings, command="soak") as connection:
            found = land(connection, settings).read
        read += found
        if (now := time.monotonic() - began) >= next_note or was_done:
            notes.append(noted(settings, process, now, source.produced, read))
            print(json.dumps(asdict(notes[-1])), flush=True)
            next_note = now + NOTE_SECONDS
        if was_done and not found:
            return notes
    raise source.failure


def noted(settings: Settings, process: psutil.Process, now: float, produced: int, read: int) -> Note:
    """The process as it is."""
    memory = process.memory_info().rss / 1024**2
    size = settings.warehouse_path.stat().st_size
    return Note(round(now, 1), round(memory, 1), size, process.num_fds(), produced, read)


def slope(notes: Sequence[Note]) -> float:
    """Megabytes an hour by which memory grew once it was warm, but for the nine bytes an event of history."""
    warm = [note for note in notes if note.seconds >= WARM_UP_SHARE * notes[-1].seconds]
    held = [note.memory_mb - 9 * note.landed / 1024**2 for note in warm]
    return statistics.linear_regression([note.seconds for note in warm], held).slope * 3600


def faults(settings: Settings, notes: Sequence[Note]) -> list[str]:
    """What is wrong, in words."""
    last, found = notes[-1], []
    with open_live(settings, command="soak") as connection:
        books = connection.execute(statement("soak_books")).fetchone()
    if books is None or books[0] != books[1] or books[0] != last.produced or books[2] != books[3]:
        found.append(f"produced {last.produced:,}, but the books say {books}")
    if last.seconds >= SLOPE_SECONDS and slope(notes) > MOST_MEGABYTES_AN_HOUR:
        found.append(f"memory grows by {slope(notes):.0f} MB an hour")
    if last.handles - notes[0].handles > MOST_NEW_HANDLES:
        found.append(f"handles grew from {notes[0].handles} to {last.handles}")
    return found


def main() -> None:
    """Soak and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    name = f"soak-{uuid.uuid4().hex[:8]}"
    with broker(load_settings()) as reached:
        home = reached.home_dir / name
        settings = reached.model_copy(
            update={"home": home, "topic": name, "dead_letter_topic": f"{name}.dlq"}
        )
        notes = soak(settings, asked.rate, asked.minutes)
        wrong = faults(settings, notes)
    size = notes[-1].file_bytes / max(notes[-1].landed, 1)
    told = (
        f"{notes[-1].landed:,} events in {notes[-1].seconds:.0f} s; memory {slope(notes):+.1f} MB an hour, "
        f"{size:.0f} bytes an event, handles {notes[0].handles} → {notes[-1].handles}"
    )
    print(told)
    if asked.plot:
        kept = [asdict(note) for note in notes]
        draw(kept, asked.plot, f"{asked.rate:,} events a second, {asked.minutes:g} minutes")
        asked.plot.with_suffix(".json").write_text(
            json.dumps({"told": told, "notes": kept}) + "\n", encoding="utf-8"
        )
    sys.exit("\n".join(wrong) if wrong else 0)


if __name__ == "__main__":
    main()
