"""How fast an export gets onto Kafka, and what importing it again costs: a table.

`python -m benchmarks.csv_import BOSTON_CSV_GZ [--megabytes N ...]` repeats the Boston export under other ids
until it has the size asked for, imports it on a topic of its own (the broker is that of the settings,
`gridrates dev up`, and shares the machine), imports it again unchanged, and again with one row in a hundred
closed or re-dated. Each import is a process of its own, whose peak memory is that of the import; every event
is acknowledged. Files and topics are deleted afterwards.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from gridrates.kafka import admin
from gridrates.profile import SHIPPED
from gridrates.settings import load_settings
from producers.csv_export.importing import import_exports
from producers.csv_export.sending import send_exports
from producers.mapping import load_mapping

CHANGED_EVERY = 100
WAYS = ("mapped only", "first import", "unchanged", "1 % changed")


@dataclass(frozen=True)
class Run:
    """One import."""

    rows: int
    events: int
    seconds: float
    cpu_seconds: float
    peak_megabytes: int


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
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return Run(summary.rows, summary.event_count, seconds, cpu, peak)


def _local_servers(home: Path) -> str:
    return str(json.loads((home / "kafka" / "broker.json").read_text())["bootstrap_servers"])


def measure(source: Path, megabytes: int, folder: Path, topic: str) -> Iterator[tuple[str, Run]]:
    """Every way, on files of one size."""
    path = folder / "export.csv"
    export(source, path, megabytes, is_changed=False)
    for way in WAYS:
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
    options = parser.parse_args()
    print("| MB | import | rows | events sent | s | events/s | rows/s | CPU s a million rows | peak MB |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for megabytes in options.megabytes:
        topic = f"bench-{uuid.uuid4().hex[:12]}"
        try:
            with tempfile.TemporaryDirectory() as folder:
                for way, made in measure(options.source, megabytes, Path(folder), topic):
                    print(_line(megabytes, way, made), flush=True)
        finally:
            _delete(topic)


def _line(megabytes: int, way: str, made: Run) -> str:
    return (
        f"| {megabytes:,} | {way} | {made.rows:,} | {made.events:,} | {made.seconds:.1f} "
        f"| {made.events / made.seconds:,.0f} | {made.rows / made.seconds:,.0f} "
        f"| {made.cpu_seconds / made.rows * 1e6:.1f} | {made.peak_megabytes:,} |"
    )


def _delete(topic: str) -> None:
    client = admin(load_settings())
    client.delete_topics([topic])
    client.close()


if __name__ == "__main__":
    main()
