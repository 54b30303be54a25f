"""What happens beside the cases: activities with their counts, and projects that move from stage to stage.

Totals of a scenario are exact, however they are spread over days and single activities.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts import events
from producers.simulator.quota import Counts, part_of, scatter
from producers.simulator.scenario import SETTLED_OF, Activities, Projects, Tally
from producers.simulator.world import Indices, World

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Happening:
    """One event beside the cases: when (also as text), of which type, about what, saying what."""

    at: int
    time: str
    model: type[events.Data]
    subject: str
    event_id: str
    data: dict[str, Any]


class ActivityStream:
    """Activities of one kind."""

    def __init__(self, world: World, name: str, spec: Activities, scale: float) -> None:
        self.world = world
        self.name = name
        self.spec = spec
        first = spec.held.first if spec.held else world.scenario.starts_on
        last = spec.held.last if spec.held else world.scenario.ends_on
        weights = world.day_weights(first, last, working_days_only=spec.working_days_only)
        self.daily = world.daily(round(spec.count * scale), weights, f"activities.{name}")
        self.totals: dict[Tally, Counts] = {}
        # What was found comes before what was settled of it, and weighs the days for it.
        for field in sorted(spec.totals, key=lambda field: field in SETTLED_OF):
            over = self.totals[SETTLED_OF[field]] if field in SETTLED_OF else self.daily
            # Scaled down until none is left, there is nothing to count either.
            total = round(spec.totals[field] * scale) if over.any() or scale >= 1 else 0
            self.totals[field] = world.daily(total, over, f"activities.{name}.totals")
        self._unit_chances = world.unit_weights(spec.units, f"activities.{name}") if spec.units else None

    def draw(
        self, rng: np.random.Generator, first: int, after: int, opened: Mapping[int, list[str]]
    ) -> Iterator[Happening]:
        """The activities of the days `first` to `after` (excluded); `opened` has the cases they led to."""
        for day in range(first, after):
            size = int(self.daily[day])
            if size:
                yield from self._on(rng, day, size, opened.get(day, []))

    def _on(self, rng: np.random.Generator, day: int, size: int, opened: list[str]) -> Iterator[Happening]:
        counts = self._counts(rng, day, size)
        nodes = self.world.pick_nodes(rng, self.spec.levels, np.full(size, day))
        started, ended = self._times(rng, day, size)
        started_at, ended_at = self.world.clock.texts(started), self.world.clock.texts(ended)
        for i in range(size):
            subject = f"{self.name}-{self.world.clock.days[day]:%Y%m%d}-{i + 1:04d}"
            data: dict[str, Any] = {
                "activity_kind": self.name,
                "grid_code": self.world.nodes[nodes[i]],
                "started_at": started_at[i],
                "ended_at": ended_at[i],
                **{field: int(values[i]) for field, values in counts.items()},
                **self._extras(rng),
            }
            if mine := opened[i::size]:
                data["case_ids"] = mine
            yield Happening(
                int(ended[i]), ended_at[i], events.ActivityRecorded, subject, f"{subject}-1", data
            )

    def _counts(self, rng: np.random.Generator, day: int, size: int) -> dict[Tally, Counts]:
        counts: dict[Tally, Counts] = {}
        for field, daily in self.totals.items():
            total = int(daily[day])
            found = SETTLED_OF.get(field)
            counts[field] = part_of(rng, counts[found], total) if found else scatter(rng, total, size)
        return counts

    def _times(self, rng: np.random.Generator, day: int, size: int) -> tuple[Indices, Indices]:
        clock = self.world.clock
        since, until = (clock.at(clock.days[day], moment) for moment in self.spec.starts)
        started = rng.integers(since, until + 1, size)
        lasting = self.spec.minutes * 60 * rng.uniform(0.5, 1.5, size)
        return started, np.minimum(started + lasting.astype(np.int64), clock.midnights[day + 1] - 1)

    def _extras(self, rng: np.random.Generator) -> dict[str, Any]:
        spec, extras = self.spec, dict[str, Any]()
        if self._unit_chances is not None:
            extras["unit_code"] = self.world.units[rng.choice(len(self._unit_chances), p=self._unit_chances)]
        if spec.places:
            extras["place_id"] = spec.places[rng.integers(len(spec.places))]
        if spec.assets:
            extras["asset_id"] = spec.assets[rng.integers(len(spec.assets))]
        if spec.score:
            extras["score"] = round(float(np.clip(rng.normal(*spec.score), 0, 100)), 1)
        if spec.tags:
            extras["tags"] = list(spec.tags)
        return extras


def projects(world: World, name: str, spec: Projects, scale: float) -> Iterator[Happening]:
    """Every stage change of the projects of one kind; each ends at the stage its quota says."""
    rng = world.rng(f"projects.{name}")
    stages = list(spec.stages)
    reached = np.repeat(np.arange(len(stages)), [round(n * scale) for n in spec.stages.values()])
    rng.shuffle(reached)
    first = spec.begun.first if spec.begun else world.scenario.starts_on
    last = spec.begun.last if spec.begun else world.scenario.ends_on
    weights = world.day_weights(first, last, working_days_only=True)
    daily = world.daily(len(reached), weights, f"projects.{name}")
    begun_on = np.repeat(np.arange(len(weights)), daily)
    nodes = world.pick_nodes(rng, {spec.level: 1.0}, begun_on)
    for number, (stage, day, node) in enumerate(
        zip(reached.tolist(), begun_on.tolist(), nodes, strict=True), 1
    ):
        subject = f"{name}-{number:04d}"
        since = int(world.clock.midnights[day]) + 9 * 3600
        later = since + np.sort(rng.random(stage) * (world.end - since - 1)).astype(np.int64)
        moments = np.concatenate([[since], later])
        for step, (at, text) in enumerate(zip(moments.tolist(), world.clock.texts(moments), strict=True)):
            data: dict[str, Any] = {
                "project_kind": name,
                "stage": stages[step],
                "quantity": 1,
                "grid_code": world.nodes[node],
            }
            if spec.tags:
                data["tags"] = list(spec.tags)
            yield Happening(at, text, events.ProjectStageChanged, subject, f"{subject}-{step + 1}", data)
