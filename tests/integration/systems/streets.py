"""A published street, and what was sent of it: the events themselves, made again from the scenario."""

from __future__ import annotations

import atexit
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

import duckdb

from gridrates.pipeline import PassSummary
from gridrates.profile import load_profile
from producers.simulator import Simulation, Summary, load_scenario, scenario_path

Row = tuple[Any, ...]
Sent = dict[str, Any]


@dataclass(frozen=True)
class Street:
    """One street after one pass. `published` is what an analyst would open."""

    name: str
    sent: Summary
    passed: PassSummary
    published: duckdb.DuckDBPyConnection

    def ask(self, query: str) -> list[Row]:
        """The rows of a query on the published file."""
        return self.published.cursor().execute(query).fetchall()


@cache
def _sent(name: str) -> Path:
    """The good events of a street, a line each, in a file that goes when the tests end."""
    simulation = Simulation(load_profile(name), load_scenario(scenario_path(name)))
    with NamedTemporaryFile(prefix=f"{name}-", suffix=".jsonl", delete=False) as file:
        for batch in simulation.batches():
            for (_, value), fault in zip(batch.records, batch.rows["fault"].tolist(), strict=True):
                if fault < 0:
                    file.write(value + b"\n")
    atexit.register(os.unlink, file.name)
    return Path(file.name)


def events(name: str, *types: str) -> Iterator[Sent]:
    """The good events of a street, of the types given, straight from the simulator."""
    wanted = [f'"type":"gridrates.{kind}.v1"'.encode() for kind in types]
    with _sent(name).open("rb") as lines:
        for line in lines:
            # Most events are not wanted: they are not worth being parsed.
            if any(kind in line for kind in wanted):
                yield json.loads(line)


class Carrier(NamedTuple):
    """What an event is of: its type, the kind of its case, activity or project, the case's channel."""

    type: str
    kind: str
    channel: str
    is_tagged: bool

    @property
    def is_of_a_case(self) -> bool:
        return self.type.startswith("case.")


@cache
def carriers(name: str) -> Counter[Carrier]:
    """The good events of a street, counted by what they are of; those of a case as it was reported."""
    reports = {event["subject"]: event["data"] for event in events(name, "case.reported")}
    counted: Counter[Carrier] = Counter()
    with _sent(name).open("rb") as lines:
        for line in lines:
            event = json.loads(line)
            own, report = event["data"], reports.get(event["subject"], {})
            kind = report.get("work_type") or own.get("activity_kind") or own["project_kind"]
            type_ = event["type"].removeprefix("gridrates.").removesuffix(".v1")
            counted[Carrier(type_, kind, report.get("channel", ""), bool(own.get("tags")))] += 1
    return counted
