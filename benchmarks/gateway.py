"""How fast events get onto Kafka over HTTP, beside the publisher that the gateway uses itself.

`python -m benchmarks.gateway [--seconds S] [--rounds N] [--clients N]` starts a broker below `GRIDRATES_HOME`
unless one is configured, and a gateway in a process of its own, and prints one table. Each way sends for some
seconds on a topic of its own and waits for the acknowledgement of what it has sent before it sends the next,
as a client of the gateway does; `publisher` alone does not wait, as the commands do not. Ways take turns;
figures are medians of the rounds, ratios are of the same round. Clients, gateway and broker share the
machine.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks.landing import machine
from benchmarks.table import broker
from gridrates.kafka import admin, ensure_topic
from gridrates.settings import Settings, load_settings
from producers.gateway.clients import new_token
from producers.gateway.messages import BATCH, STRUCTURED
from producers.publisher import Publisher
from producers.record_batches import Pair

PORTION, TOGETHER = 5000, 100
EVENT_BYTES = 334
CLIENT = """[[client]]
name = "benchmark"
token_sha256 = "{digest}"
sources = ["*"]
events_per_second = 1e9
"""


@dataclass(frozen=True)
class Run:
    """One measurement: events a second, and milliseconds from sending to the acknowledgement."""

    per_second: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Gateway:
    """A gateway that runs, and who may send to it."""

    address: str
    token: str


def events(count: int) -> Iterator[list[Pair]]:
    """Endless portions of different events, each of the size that an event usually has."""
    numbers = itertools.count()
    while True:
        yield [_event(next(numbers)) for _ in range(count)]


def _event(number: int) -> Pair:
    subject = f"310101-{number // 6:08d}"
    made = {
        "specversion": "1.0",
        "id": f"e-{number}",
        "source": "bench",
        "type": "gridrates.case.filed.v1",
        "subject": subject,
        "time": "2026-05-01T08:00:00+08:00",
        "data": {"grid_code": "310101001", "description": ""},
    }
    made["data"] = {"grid_code": "310101001", "description": "x" * (EVENT_BYTES - len(json.dumps(made)))}
    return subject.encode(), json.dumps(made).encode()


def publish(settings: Settings, seconds: float, size: int, *, waits: bool) -> Run:
    """The publisher by itself, in portions of a size, each acknowledged before the next if it `waits`."""
    portions = [portion for portion, _ in zip(events(size), range(50_000 // size), strict=False)]
    took, count = list[float](), 0
    with Publisher(settings, settings.topic) as publisher:
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            sent = time.perf_counter()
            publisher.publish(portions[count // size % len(portions)])
            if waits:
                publisher.flush()
            took.append(time.perf_counter() - sent)
            count += size
        publisher.flush()
        total = time.perf_counter() - started
    return _run(count / total, took)


def post(gateway: Gateway, seconds: float, size: int, clients: int) -> Run:
    """Several clients, each with a connection that it keeps, sending one request after the other."""
    bodies = _bodies(size)
    with ThreadPoolExecutor(clients) as pool:
        started = time.perf_counter()
        each = [pool.submit(_client, gateway, started + seconds, bodies, size) for _ in range(clients)]
        took = [seconds_taken for one in each for seconds_taken in one.result()]
        total = time.perf_counter() - started
    return _run(len(took) * size / total, took)


def _client(gateway: Gateway, until: float, bodies: list[bytes], size: int) -> list[float]:
    took = list[float]()
    headers = {
        "authorization": f"Bearer {gateway.token}",
        "content-type": STRUCTURED if size == 1 else BATCH,
    }
    connection = HTTPConnection(gateway.address, timeout=60)
    while time.perf_counter() < until:
        sent = time.perf_counter()
        connection.request("POST", "/events", bodies[len(took) % len(bodies)], headers)
        answer = connection.getresponse()
        answer.read()
        took.append(time.perf_counter() - sent)
        if answer.status != 202:
            raise SystemExit(f"the gateway answered {answer.status}")
    connection.close()
    return took


def _bodies(size: int) -> list[bytes]:
    """The bodies of requests, to be sent over and over: making them must not be measured."""
    portions = [portion for portion, _ in zip(events(size), range(5_000 // size), strict=False)]
    texts = [b",".join(text for _, text in portion) for portion in portions]
    return texts if size == 1 else [b"[" + text + b"]" for text in texts]


def _run(per_second: float, took: list[float]) -> Run:
    ordered = sorted(took)
    return Run(per_second, statistics.median(ordered) * 1000, ordered[int(len(ordered) * 0.99)] * 1000)


@contextmanager
def serving(settings: Settings) -> Iterator[Gateway]:
    """A gateway on a free port, for one client."""
    token, digest = new_token()
    with tempfile.TemporaryDirectory() as folder:
        clients = Path(folder) / "clients.toml"
        clients.write_text(CLIENT.format(digest=digest))
        process = subprocess.Popen(
            [sys.executable, "-m", "gridrates", "gateway", "--clients", str(clients), "--port", "0"],
            env=_environment(settings),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.search(r"http://([0-9.:]+)/", said)
        try:
            if found is None:
                raise SystemExit(said + process.stderr.read())
            yield Gateway(found[1], token)
        finally:
            process.terminate()
            process.communicate(timeout=60)


def _environment(settings: Settings) -> dict[str, str]:
    return os.environ | {
        "GRIDRATES_HOME": str(settings.home_dir),
        "GRIDRATES_KAFKA_BOOTSTRAP_SERVERS": str(settings.kafka_bootstrap_servers),
        "GRIDRATES_TOPIC": settings.topic,
    }


WAYS: dict[str, str] = {
    "publisher": f"publisher, {PORTION:,} at a time, without waiting",
    "publisher_one": "publisher, one event at a time",
    "publisher_many": f"publisher, {TOGETHER} events at a time",
    "gateway_alone": "**gateway**, one event a request, one client",
    "gateway_one": "**gateway**, one event a request, {clients} clients",
    "gateway_many": f"**gateway**, {TOGETHER} events a request, {{clients}} clients",
}
# What each way's latency is compared with.
BESIDE = {
    "gateway_alone": "publisher_one",
    "gateway_one": "publisher_one",
    "gateway_many": "publisher_many",
}


def measure_all(settings: Settings, seconds: float, rounds: int, clients: int) -> dict[str, Any]:
    """Let the ways take turns, and sum up."""
    own = settings.model_copy(update={"topic": f"bench-{uuid.uuid4().hex[:12]}"})
    ensure_topic(own, own.topic)
    runs: dict[str, list[Run]] = {name: [] for name in WAYS}
    with serving(own) as gateway:
        ways: dict[str, Callable[[], Run]] = {
            "publisher": lambda: publish(own, seconds, PORTION, waits=False),
            "publisher_one": lambda: publish(own, seconds, 1, waits=True),
            "publisher_many": lambda: publish(own, seconds, TOGETHER, waits=True),
            "gateway_alone": lambda: post(gateway, seconds, 1, 1),
            "gateway_one": lambda: post(gateway, seconds, 1, clients),
            "gateway_many": lambda: post(gateway, seconds, TOGETHER, clients),
        }
        for _, (name, way) in itertools.product(range(rounds), ways.items()):
            runs[name].append(way())
            print(name, runs[name][-1], file=sys.stderr)
    with admin(own) as client:
        client.delete_topics([own.topic])
    return {name: _summary(name, runs) for name in WAYS}


def _summary(name: str, runs: dict[str, list[Run]]) -> dict[str, float | None]:
    mine, beside = runs[name], runs.get(BESIDE.get(name, ""))
    waits = name != "publisher"
    return {
        "events_per_second": round(statistics.median(run.per_second for run in mine)),
        "ratio_to_publisher": _ratio([r.per_second for r in mine], [r.per_second for r in runs["publisher"]]),
        "p50_milliseconds": round(statistics.median(run.p50 for run in mine), 1) if waits else None,
        "p99_milliseconds": round(statistics.median(run.p99 for run in mine), 1) if waits else None,
        "p50_ratio": _ratio([run.p50 for run in mine], [run.p50 for run in beside]) if beside else None,
    }


def _ratio(mine: list[float], others: list[float]) -> float:
    return round(statistics.median(one / other for one, other in zip(mine, others, strict=True)), 3)


def as_markdown(found: dict[str, Any], clients: int) -> str:
    """The table."""
    lines = [
        "| onto Kafka | events/s | × publisher | p50 ms | p99 ms | p50 × publisher |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, title in WAYS.items():
        cells = [f"{found[name]['events_per_second']:,}", f"{found[name]['ratio_to_publisher']:.3f}"]
        cells += [
            f"{found[name][key]:,.1f}" if found[name][key] is not None else "–"
            for key in ("p50_milliseconds", "p99_milliseconds", "p50_ratio")
        ]
        lines.append(f"| {title.format(clients=clients)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=16)
    asked = parser.parse_args()
    before = os.getloadavg()[0]
    with broker(load_settings()) as settings:
        found = measure_all(settings, asked.seconds, asked.rounds, asked.clients)
    on = machine()
    print(
        f"{on['processor']}, {on['cores']} cores, Python {on['python']}; load {before:.1f} before, "
        f"{os.getloadavg()[0]:.1f} after; events of {EVENT_BYTES} bytes; median of {asked.rounds} rounds.\n"
    )
    print(as_markdown(found, asked.clients))


if __name__ == "__main__":
    main()
