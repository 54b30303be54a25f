"""How fast a topic gets into the warehouse, beside what merely reads it.

`python -m benchmarks.landing [--events N] [--rounds N] [--history N] [--ways a,b]` uses the broker of the
settings (`gridrates dev up`), fills a topic with made-up events (see `benchmarks.events`; the topic is kept,
and used again), and prints JSON: for each way the median over the rounds of events per second, the ratio to
bare `poll()` in the same round, CPU seconds of the reading process per million events, its peak memory and
the bytes an event takes in the file. The ways take turns, each in a process of its own, so that what else
the machine does hits all of them. The broker shares the machine.

poll             kafka-python's `poll()`, counting records: nothing is decoded or stored
confluent        librdkafka's `consume()`, counting records (when confluent-kafka is installed)
land             rows, rejects, ledger; duplicates and conflicts removed; without the original payload
land_payload     the same with the original payload kept
land_records     the same as land, reading record by record
land_threads     the same as land, with four threads of DuckDB where it uses one
land_street      the same as land, of the demo street's own events, as `gridrates produce simulate --scale 50`
                 sends them: a million of two dozen types, with Chinese texts and tags and with long numbers
                 of cases
land_history     the same as land, into a file that has `--history` events already
quixstreams      Quix Streams with a sink that inserts into DuckDB, one statement a batch (when installed):
                 envelope columns, no rejects, no duplicates removed, at least once
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from kafka import TopicPartition

import warehouse.landing
from benchmarks.events import Pair, events
from benchmarks.memory import peak_megabytes
from gridrates.kafka import admin, bootstrap_servers, consumer
from gridrates.profile import load_profile
from gridrates.settings import Settings, load_settings
from producers.publisher import Publisher
from producers.simulator import Simulation, load_scenario, scenario_path
from warehouse import reading
from warehouse.landing import land
from warehouse.live import open_live

PORTION = 20_000
STREET_SCALE, STREET_TOPIC = 50, "bench-landing-street"
HISTORY_SQL = Path(__file__).with_name("history.sql")


@dataclass(frozen=True)
class Run:
    """One measurement."""

    read: int
    seconds: float
    cpu_seconds: float
    peak_megabytes: int
    file_bytes: int = 0


def fill(settings: Settings, count: int, portions: Iterable[Sequence[Pair]]) -> None:
    """Publish the events, so many in all, unless the topic has them already."""
    if end_of(settings) == count:
        return
    with Publisher(settings, settings.topic) as publisher:
        for portion in portions:
            publisher.publish(portion)
    if end_of(settings) != count:
        raise SystemExit(f"{settings.topic} holds {end_of(settings)} records instead of {count}")


def made_up(count: int) -> Iterator[list[Pair]]:
    """The events of most ways, in portions."""
    source = events(count)
    while portion := list(islice(source, PORTION)):
        yield portion


def of_street() -> Iterator[list[Pair]]:
    """The demo street's events, in portions."""
    scenario = load_scenario(scenario_path("demo-street"))
    simulation = Simulation(load_profile("demo-street"), scenario, scale=STREET_SCALE)
    return (batch.records for batch in simulation.batches())


def end_of(settings: Settings) -> int:
    """How many records the topic has; 0 when it is missing."""
    client = admin(settings)
    numbers = [part["partition_index"] for part in client.describe_topics([settings.topic])[0]["partitions"]]
    client.close()
    reader = consumer(settings)
    ends = reader.end_offsets([TopicPartition(settings.topic, number) for number in numbers])
    reader.close()
    return sum(ends.values())


def poll(settings: Settings) -> int:
    """Read every record with `poll()`."""
    reader = consumer(
        settings,
        max_poll_records=50_000,
        max_partition_fetch_bytes=16 * 1024**2,
        fetch_max_bytes=64 * 1024**2,
    )
    partitions = [
        TopicPartition(settings.topic, n) for n in sorted(reader.partitions_for_topic(settings.topic))
    ]
    reader.assign(partitions)
    left = sum(reader.end_offsets(partitions).values())
    for partition in partitions:
        reader.seek(partition, 0)
    read = 0
    while read < left:
        read += sum(map(len, reader.poll(timeout_ms=500).values()))
    reader.close()
    return read


def confluent(settings: Settings) -> int:
    """Read every record with librdkafka."""
    from confluent_kafka import Consumer
    from confluent_kafka import TopicPartition as Partition

    options = {
        "bootstrap.servers": bootstrap_servers(settings),
        "group.id": "bench",
        "enable.auto.commit": False,
        "queued.min.messages": 1_000_000,
        "fetch.message.max.bytes": 16 * 1024**2,
        "fetch.max.bytes": 64 * 1024**2,
        "check.crcs": True,
    }
    reader = Consumer(options)
    numbers = reader.list_topics(settings.topic).topics[settings.topic].partitions
    left = sum(reader.get_watermark_offsets(Partition(settings.topic, n))[1] for n in numbers)
    reader.assign([Partition(settings.topic, n, 0) for n in numbers])
    read = 0
    while read < left:
        read += len(reader.consume(10_000, 1.0))
    reader.close()
    return read


def landing(settings: Settings) -> int:
    """Land the topic, including the checkpoint at the end."""
    with open_live(settings, command="benchmark") as connection:
        return land(connection, settings).read


def landing_records(settings: Settings) -> int:
    """Land the topic, reading record by record."""
    reading.install = lambda _: False  # type: ignore[assignment]
    return landing(settings)


def landing_threads(settings: Settings) -> int:
    """Land the topic with four threads of DuckDB."""

    warehouse.landing._THREADS = 4
    return landing(settings)


def quixstreams(settings: Settings) -> int:
    """Land the topic with Quix Streams, as its documentation builds a sink."""
    import duckdb
    import pyarrow as pa
    from quixstreams import Application
    from quixstreams.sinks import BatchingSink

    settings.warehouse_path.parent.mkdir(parents=True)
    connection = duckdb.connect(str(settings.warehouse_path), config={"threads": 1})
    connection.execute(statement("peer_table"))
    insert = statement("peer_insert")

    class Sink(BatchingSink):  # type: ignore[misc]
        def write(self, batch: Any) -> None:
            values = [item.value.decode(errors="replace") for item in batch]
            offsets = pa.array([item.offset for item in batch], pa.int64())
            arrived = pa.table({"payload": values, "kafka_offset": offsets})
            connection.register("arrived", arrived)
            connection.execute(insert, {"partition": batch.partition})
            connection.unregister("arrived")

    app = Application(
        broker_address=bootstrap_servers(settings),
        consumer_group=f"bench-{uuid.uuid4().hex}",
        auto_offset_reset="earliest",
        commit_every=50_000,
        commit_interval=60,
        loglevel="ERROR",
        consumer_extra_config={"queued.min.messages": 1_000_000, "fetch.message.max.bytes": 16 * 1024**2},
    )
    topic = app.topic(settings.topic, value_deserializer="bytes", key_deserializer="bytes")
    app.dataframe(topic).sink(Sink())
    count = end_of(settings)
    app.run(count=count)
    connection.close()
    return count


WAYS: dict[str, tuple[Callable[[Settings], int], dict[str, Any]]] = {
    "poll": (poll, {}),
    "confluent": (confluent, {}),
    "land": (landing, {"keep_payload": False}),
    "land_payload": (landing, {"keep_payload": True}),
    "land_records": (landing_records, {"keep_payload": False}),
    "land_threads": (landing_threads, {"keep_payload": False}),
    "land_street": (landing, {"keep_payload": False, "topic": STREET_TOPIC}),
    "land_history": (landing, {"keep_payload": False}),
    "quixstreams": (quixstreams, {}),
}


def measure(way: str, settings: Settings) -> Run:
    """Run one way in this process."""
    work, changes = WAYS[way]
    settings = settings.model_copy(update=changes)
    before = resource.getrusage(resource.RUSAGE_SELF)
    size = settings.warehouse_path.stat().st_size if settings.warehouse_path.exists() else 0
    began = time.perf_counter()
    read = work(settings)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    grown = settings.warehouse_path.stat().st_size - size if settings.warehouse_path.exists() else 0
    return Run(read, seconds, cpu, peak_megabytes(), grown)


def measure_apart(way: str, settings: Settings, history: Path | None) -> Run:
    """Run one way in a process and a home of its own."""
    with tempfile.TemporaryDirectory(dir=settings.home_dir) as folder:
        own = settings.model_copy(update={"home": Path(folder)})
        if way == "land_history" and history:
            own.warehouse_path.parent.mkdir(parents=True)
            shutil.copy(history, own.warehouse_path)
        chosen = own.model_dump_json(exclude_defaults=True)
        command = [sys.executable, "-m", "benchmarks.landing", "--measure", way, "--settings", chosen]
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Run(**json.loads(told.splitlines()[-1]))


def make_history(settings: Settings, count: int) -> Path | None:
    """A live file with so many events, older than those of the topic and close in time; made once."""
    if not count:
        return None
    path = settings.home_dir / f"history-{count}.duckdb"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=settings.home_dir) as folder:
            own = settings.model_copy(update={"home": Path(folder)})
            with open_live(own, command="benchmark") as connection:
                connection.execute(HISTORY_SQL.read_text(), {"count": count})
            shutil.move(own.warehouse_path, path)
    return path


def summary(runs: dict[str, list[Run]]) -> dict[str, Any]:
    """Medians over the rounds, and the ratio to `poll()` in the same round."""
    bare = [run.seconds / run.read for run in runs["poll"]]
    return {
        way: {
            "events_per_second": round(statistics.median(run.read / run.seconds for run in found)),
            "ratio_to_poll": round(
                statistics.median(b * r.read / r.seconds for r, b in zip(found, bare, strict=True)), 2
            ),
            "cpu_seconds_per_million": round(
                statistics.median(run.cpu_seconds / run.read * 1e6 for run in found), 2
            ),
            "peak_megabytes": max(run.peak_megabytes for run in found),
            "bytes_an_event": round(statistics.median(run.file_bytes / run.read for run in found)),
        }
        for way, found in runs.items()
    }


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--history", type=int, default=0)
    parser.add_argument("--ways", default="")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--settings", help=argparse.SUPPRESS)
    return parser.parse_args()


def chosen_ways(asked: str, history: int) -> list[str]:
    """The ways to measure: those asked for, else all that can be; `poll` in any case."""
    can = {
        "confluent": bool(importlib.util.find_spec("confluent_kafka")),
        "quixstreams": bool(importlib.util.find_spec("quixstreams")),
        "land_history": bool(history),
    }
    ways = asked.split(",") if asked else [way for way in WAYS if can.get(way, True)]
    return list(dict.fromkeys(["poll", *ways]))


def main() -> None:
    """Measure and print."""
    asked = options()
    if asked.measure:
        print(json.dumps(asdict(measure(asked.measure, Settings(**json.loads(asked.settings))))))
        return
    settings = load_settings()
    ways = chosen_ways(asked.ways, asked.history)
    found = measure_all(settings, ways, asked.events, asked.rounds, asked.history)
    sizes = {"events": asked.events, "rounds": asked.rounds, "history": asked.history}
    print(json.dumps({"machine": machine(), "sizes": sizes, "ways": found}, indent=2))


def measure_all(
    settings: Settings, ways: Sequence[str], events: int, rounds: int, history: int
) -> dict[str, Any]:
    """Fill the topic, let the ways take turns, and sum up."""
    # Named: each way has a home of its own, where no broker is noted.
    reached = {"kafka_bootstrap_servers": bootstrap_servers(settings), "topic": f"bench-landing-{events}"}
    settings = settings.model_copy(update=reached)
    settings.home_dir.mkdir(parents=True, exist_ok=True)
    fill(settings, events, made_up(events))
    if "land_street" in ways:
        street = settings.model_copy(update={"topic": STREET_TOPIC})
        fill(street, sum(map(len, of_street())), of_street())
    file = make_history(settings, history)
    runs: dict[str, list[Run]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, found in runs.items():
            found.append(measure_apart(way, settings, file))
            print(way, found[-1], file=sys.stderr)
    return summary(runs)


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "processor": processor(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3),
        "system": platform.platform(),
    }


def processor() -> str:
    """The processor's name, where the system tells."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.*)$", info.read_text() if info.exists() else "", re.MULTILINE)
    return names[0] if names else platform.processor()


def statement(name: str) -> str:
    """The text of one of the benchmark's SQL files."""
    return Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")


if __name__ == "__main__":
    main()
