"""One table in one run: how fast events get onto Kafka, and from there into the warehouse.

`python -m benchmarks.table [--events N] [--rounds N] [--history N]` (or `make bench`) starts a broker below
`GRIDRATES_HOME` unless one is configured, runs `benchmarks.landing` and `benchmarks.publisher`, prints one
table and writes it, with the machine, between the marks of docs/benchmarks.md and to docs/benchmarks.json.
The load of the machine before and after is noted: figures of a busy machine are not worth keeping.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import landing, publisher
from benchmarks.pages import DOCS, write_between
from deploy import local_kafka
from gridrates.settings import Settings, load_settings

PUBLISHED = 300_000
LANDING = {
    "poll": "kafka-python `poll()`, only counting",
    "confluent": "confluent-kafka `consume()`, only counting",
    "land": "**landing**, without the payload",
    "land_payload": "**landing**, payload kept (the default)",
    "land_records": "landing, record by record (the fallback)",
    "land_threads": "landing, four threads of DuckDB",
    "land_street": "landing a million events of the demo street",
    "land_history": "landing into a file that has events already",
    "quixstreams": "Quix Streams into DuckDB",
}
PUBLISHING = {
    "send_loop": "kafka-python `send()` in a loop",
    "publisher_plain": "publisher, event by event (the fallback)",
    "publisher_bulk": "**publisher**, whole batches",
}


@contextmanager
def broker(settings: Settings) -> Iterator[Settings]:
    """Settings that reach a broker: the one configured, else one of the home, which is stopped afterwards."""
    if settings.kafka_bootstrap_servers:
        yield settings
        return
    was_running = local_kafka.find(settings.home_dir) is not None
    started = local_kafka.start(settings.home_dir)
    try:
        yield settings.model_copy(update={"kafka_bootstrap_servers": started.bootstrap_servers})
    finally:
        if not was_running:
            local_kafka.stop(settings.home_dir)


def measure(settings: Settings, events: int, rounds: int, history: int) -> dict[str, Any]:
    """Run both benchmarks."""
    before = os.getloadavg()[0]
    ways = landing.chosen_ways("", history)
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": landing.machine(),
        "sizes": {"events": events, "rounds": rounds, "history": history, "published": PUBLISHED},
        "landing": landing.measure_all(settings, ways, events, rounds, history),
        "publishing": publisher.measure_all(settings, PUBLISHED, rounds),
        "load": {"before": round(before, 2), "after": round(os.getloadavg()[0], 2)},
    }


def as_markdown(found: dict[str, Any]) -> str:
    """The tables and what they were measured on."""
    machine, sizes = found["machine"], found["sizes"]
    lines = [
        f"Measured {found['measured_at'][:10]} on {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gb']} GB, Python {machine['python']}; load {found['load']['before']} before the "
        f"run. {sizes['events']:,} events, "
        + ("one round" if sizes["rounds"] == 1 else f"median of {sizes['rounds']} rounds")
        + (f"; {sizes['history']:,} events in the file with history." if sizes["history"] else "."),
        "",
        "| from Kafka | events/s | × `poll()` | CPU s a million | peak MB | bytes an event |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for way, run in found["landing"].items():
        size = run["bytes_an_event"] or "–"
        lines.append(
            f"| {LANDING[way]} | {run['events_per_second']:,} | {run['ratio_to_poll']:.2f} | "
            f"{run['cpu_seconds_per_million']:.1f} | {run['peak_megabytes']:,} | {size} |"
        )
    lines += [
        "",
        f"| onto Kafka ({sizes['published']:,} events) | events/s | × `send()` | CPU s a million |",
        "| --- | ---: | ---: | ---: |",
    ]
    for way, run in found["publishing"].items():
        lines.append(
            f"| {PUBLISHING[way]} | {run['events_per_second']:,} | {run['ratio_to_send_loop']:.2f} | "
            f"{run['cpu_seconds_per_million']:.1f} |"
        )
    return "\n".join(lines)


def write(found: dict[str, Any], docs: Path = DOCS) -> None:
    """Keep the figures: the page between its marks, and the numbers as JSON."""
    (docs / "benchmarks.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    write_between(docs / "benchmarks.md", "measured", as_markdown(found))


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--history", type=int, default=20_000_000)
    parser.add_argument("--dry", action="store_true", help="print only; change no file of docs/")
    asked = parser.parse_args()
    with broker(load_settings()) as settings:
        found = measure(settings, asked.events, asked.rounds, asked.history)
    print(as_markdown(found))
    if not asked.dry:
        write(found)


if __name__ == "__main__":
    main()
