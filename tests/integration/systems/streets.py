"""A published street, and what was sent of it: the events themselves, made again from the scenario."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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


def events(name: str, *types: str) -> Iterator[Sent]:
    """The good events of a street, of the types given, straight from the simulator."""
    simulation = Simulation(load_profile(name), load_scenario(scenario_path(name)))
    wanted = [f'"type":"gridrates.{kind}.v1"'.encode() for kind in types]
    for batch in simulation.batches():
        for (_, value), fault in zip(batch.records, batch.rows["fault"].tolist(), strict=True):
            # Most events are not wanted: they are not worth being parsed.
            if fault < 0 and any(kind in value for kind in wanted):
                yield json.loads(value)
