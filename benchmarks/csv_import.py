"""How fast an export gets onto Kafka, and what importing it again costs: a table.

`python -m benchmarks.csv_import BOSTON_CSV_GZ [--megabytes N ...]` repeats the Boston export under other ids
until it has the size asked for, imports it on a topic of its own (the broker is that of the settings,
`gridrates dev up`, and shares the machine), imports it again unchanged, and again with one row in a hundred
closed or re-dated. Each import is a process of its own, whose resident memory is looked at twice a second:
the most of its first half and of its last one say whether memory grows with the file. Every event is
acknowledged. Files and topics are deleted afterwards.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks.memory import peak_megabytes
from gridrates.kafka import admin
from gridrates.profile import SHIPPED
from gridrates.settings import load_settings
from producers.csv_export.importing import import_exports
from producers.csv_export.sending import send_exports
from producers.mapping import load_mapping

CHANGED_EVERY = 100
LOOK_SECONDS = 0.5
WAYS = ("mapped only", "first import", "unchanged", "1 % changed")


@dataclass(frozen=True)
class Run:
    """One import."""

    rows: int
    events: int
    seconds: float
    cpu_seconds: float
    peak_megabytes: int
    first_half_megabytes: int
    last_half_megabytes: int


class Watch:
    """Looks at this process's resident memory while the block runs."""

    def __init__(self) -> None:
        self._megabytes: list[int] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        process = psutil.Process()
        while True:
            self._megabytes.append(process.memory_info().rss // 1024**2)
            if self._is_over.wait(LOOK_SECONDS):
                return

    @property
    def halves(self) -> tuple[int, int]:
        """The most megabytes in the first half of the time, and in the last one."""
        middle = (len(self._megabytes) + 1) // 2
        return max(self._megabytes[:middle]), max(self._megabytes[middle - 1 :])


def export(source: Path, target: Path, megabytes: int, *, is_changed: bool) -> None:
    """Write the export again and again, each time under other ids, until there are so many megabytes."""
    with gzip.open(source, "rt", encoding="utf-8") as given:
        header, *lines = given
    with target.open("w", encoding="utf-8") as file:
        file.write(header)
        round_no = 0
        while file.tell() < megabytes * 1_000_000:
            file.writelines(_shifted(lines, round_no, is_changed))
            round_no += 1


def _shifted(lines: list[str], round_no: int, is_changed: bool) -> Iterator[str]:
    for number, line in enumerate(lines):
        own = f"{round_no}-{line}"
        if is_changed and number % CHANGED_EVERY == 0:
            cells = own.split(",")
            cells[3] = "2013-01-01 08:00:00"
            own = ",".join(cells)
        yield own


def run(way: str, path: Path, home: Path, topic: str) -> Run:
    """Import once, in this process."""
    mapping = load_mapping(SHIPPED / "boston-311" / "mapping.yaml", time_zone="America/New_York")
    settings = load_settings().model_copy(update={"topic": topic})
    started, cpu = time.perf_counter(), time.process_time()
    with Watch() as watch:
        if way == WAYS[0]:
            summary = import_exports([path], mapping)
        else:
            servers = settings.kafka_bootstrap_servers or _local_servers(settings.home_dir)
            own = settings.model_copy(update={"kafka_bootstrap_servers": servers, "home": home})
            sent = send_exports(own, [path], mapping, kind="bench")
            summary = sent.summary
            if sent.failure or sent.refused or sent.acknowledged != summary.event_count:
                raise SystemExit(f"not all events arrived: {sent.failure or sent.refused[:1]}")
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = peak_megabytes()
    return Run(summary.rows, summary.event_count, seconds, cpu, peak, *watch.halves)


def _local_servers(home: Path) -> str:
    return str(json.loads((home / "kafka" / "broker.json").read_text())["bootstrap_servers"])


def measure(
    source: Path, megabytes: int, ways: Sequence[str], folder: Path, topic: str
) -> Iterator[tuple[str, Run]]:
    """Some ways, on files of one size."""
    path = folder / "export.csv"
    export(source, path, megabytes, is_changed=False)
    for way in ways:
        if way == WAYS[-1]:
            export(source, path, megabytes, is_changed=True)
        made = subprocess.run(
            [sys.executable, "-m", "benchmarks.csv_import", "--one", way, str(path), str(folder), topic],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        yield way, Run(**json.loads(made.stdout))


def main() -> None:
    """Measure and print the table; `--one` is for the processes it starts itself."""
    if sys.argv[1:2] == ["--one"]:
        way, path, home, topic = sys.argv[2:]
        print(json.dumps(asdict(run(way, Path(path), Path(home), topic))))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[50, 500])
    parser.add_argument("--ways", choices=WAYS, nargs="+", default=WAYS, help="in this order (default all)")
    options = parser.parse_args()
    print(
        "| MB | import | rows | events sent | s | events/s | rows/s | CPU s a million rows | peak MB "
        "| first half | last half |"
    )
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for megabytes in options.megabytes:
        topic = f"bench-{uuid.uuid4().hex[:12]}"
        try:
            with tempfile.TemporaryDirectory() as folder:
                for way, made in measure(options.source, megabytes, options.ways, Path(folder), topic):
                    print(_line(megabytes, way, made), flush=True)
        finally:
            _delete(topic)


def _line(megabytes: int, way: str, made: Run) -> str:
    return (
        f"| {megabytes:,} | {way} | {made.rows:,} | {made.events:,} | {made.seconds:.1f} "
        f"| {made.events / made.seconds:,.0f} | {made.rows / made.seconds:,.0f} "
        f"| {made.cpu_seconds / made.rows * 1e6:.1f} | {made.peak_megabytes:,} "
        f"| {made.first_half_megabytes:,} | {made.last_half_megabytes:,} |"
    )


def _delete(topic: str) -> None:
    client = admin(load_settings())
    client.delete_topics([topic])
    client.close()


if __name__ == "__main__":
    main()
