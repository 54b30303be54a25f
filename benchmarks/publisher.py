"""How fast events get onto Kafka: a plain `send()` loop, the publisher's plain way and its bulk way.

`python -m benchmarks.publisher [--events N] [--rounds N]` uses the broker of the settings (`gridrates dev
up`) and prints JSON: for each way the median over the rounds of events per second, CPU seconds of this
process per million events, and the ratio to the loop of the same round. The ways take turns, so that what
else the machine does hits all of them. Every event is acknowledged by all replicas; the broker shares the
machine. Topics are deleted afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gridrates.kafka import admin, ensure_topic, producer
from gridrates.settings import Settings, load_settings
from producers.publisher import Publisher
from producers.record_batches import Pair

PORTION = 5000
EVENT_BYTES = 334
EVENTS_PER_CASE = 6


@dataclass(frozen=True)
class Run:
    """One measurement."""

    per_second: float
    cpu_seconds_per_million: float


def events(count: int) -> list[Pair]:
    """Events of the size and key distribution of a landing: about six a case, cases interleaved."""
    chance, cases = random.Random(1), max(count // EVENTS_PER_CASE, 1)
    body = '{"specversion":"1.0","source":"bench","type":"gridrates.case.filed.v1","id":"%d","pad":"'
    return [
        (
            b"310101-%08d" % chance.randrange(cases),
            (body % number).encode().ljust(EVENT_BYTES - 2, b"x") + b'"}',
        )
        for number in range(count)
    ]


def send_loop(settings: Settings, pairs: list[Pair]) -> None:
    """What one writes first: `send()` in a loop, idempotent, large batches, 20 ms of linger."""
    ensure_topic(settings, settings.topic)
    client = producer(settings)
    for key, value in pairs:
        client.send(settings.topic, key=key, value=value)
    client.close()


def publish(settings: Settings, pairs: list[Pair], *, bulk: bool) -> None:
    """The publisher, in portions as the commands use it."""
    with Publisher(settings, settings.topic, bulk=bulk) as publisher:
        for start in range(0, len(pairs), PORTION):
            publisher.publish(pairs[start : start + PORTION])
    if publisher.counts.acknowledged != len(pairs):
        raise SystemExit(f"not all events arrived: {publisher.counts}")


WAYS: dict[str, Callable[[Settings, list[Pair]], None]] = {
    "send_loop": send_loop,
    "publisher_plain": lambda settings, pairs: publish(settings, pairs, bulk=False),
    "publisher_bulk": lambda settings, pairs: publish(settings, pairs, bulk=True),
}


def measure(settings: Settings, way: Callable[[Settings, list[Pair]], None], pairs: list[Pair]) -> Run:
    """Time one way on a topic of its own, from connecting to the last acknowledgement."""
    own = settings.model_copy(update={"topic": f"bench-{uuid.uuid4().hex[:12]}"})
    wall, cpu = time.perf_counter(), time.process_time()
    way(own, pairs)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    client = admin(settings)
    client.delete_topics([own.topic])
    client.close()
    return Run(len(pairs) / wall, cpu / len(pairs) * 1e6)


def summary(runs: dict[str, list[Run]]) -> dict[str, Any]:
    """Medians over the rounds, and the ratio to the loop of the same round."""
    loop = [run.per_second for run in runs["send_loop"]]
    return {
        name: {
            "events_per_second": round(statistics.median(run.per_second for run in found)),
            "cpu_seconds_per_million": round(statistics.median(r.cpu_seconds_per_million for r in found), 2),
            "ratio_to_send_loop": round(
                statistics.median(run.per_second / base for run, base in zip(found, loop, strict=True)), 2
            ),
        }
        for name, found in runs.items()
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found = measure_all(load_settings(), options.events, options.rounds)
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "system": platform.platform()}
    sizes = {"events": options.events, "rounds": options.rounds, "event_bytes": EVENT_BYTES}
    print(json.dumps({"machine": machine, "sizes": sizes, "ways": found}, indent=2))


def measure_all(settings: Settings, count: int, rounds: int) -> dict[str, Any]:
    """Let the ways take turns, and sum up."""
    pairs = events(count)
    runs: dict[str, list[Run]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, way in WAYS.items():
            runs[name].append(measure(settings, way, pairs))
            print(name, runs[name][-1], file=sys.stderr)
    return summary(runs)


if __name__ == "__main__":
    main()
