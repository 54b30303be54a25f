"""Cases of one stream: who reports what, where, when.

Makes blocks of cases (a stretch of days at a time) from exact daily quotas and hands them to `lives`,
which writes down what becomes of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gridrates.errors import InputError
from producers.simulator.clock import Instants
from producers.simulator.scenario import DISPATCHED, EVERY_HOUR, ORIGINALS, Stream
from producers.simulator.world import Indices, World

Array = npt.NDArray[Any]


@dataclass
class Cases:
    """A block of cases, one place an array each; `number` counts the cases of a day, over all streams."""

    day: Indices
    number: Indices
    life: Indices
    reported: Instants
    entry: Indices
    node: Indices
    channel: Indices
    unit: Indices
    into_day: Indices
    into_number: Indices

    def __len__(self) -> int:
        return len(self.day)


class CaseStream:
    """One stream of a scenario, made ready to draw blocks of cases from."""

    def __init__(
        self, world: World, index: int, name: str, stream: Stream, scale: float, days: Array
    ) -> None:
        where = f"streams.{name}"
        self.world = world
        self.index = index
        self.name = name
        self.spec = stream
        if stream.work_type not in world.profile.work_types:
            raise InputError(
                f"scenario, {where}: the profile has no work type {stream.work_type!r}.",
                remedy=f"It has: {', '.join(world.profile.work_types)}.",
            )
        self.lives = list(stream.cases)
        self.quotas = np.array([world.daily(round(n * scale), days, where) for n in stream.cases.values()])
        self.channels, self._channel_chances = world.channel_numbers(stream, where)
        self._entry_chances = world.category_weights(stream.categories, where)
        self._responsible = world.responsible(stream, where)
        self._group_of_entry = np.full(len(world.entries), -1)
        for number, (entries, _) in enumerate(self._responsible):
            self._group_of_entry[entries] = number
        self._check_responsible(where)
        self.limit_seconds, self.limit_is_working = world.limits(stream.work_type)
        if stream.deadline_days:
            seconds, _ = world.clock.seconds(stream.deadline_days, "working_day")
            self.limit_seconds, self.limit_is_working = (
                np.full(len(world.entries), seconds),
                np.full(len(world.entries), True),
            )
        hours = world.scenario.hours.get(stream.hours, EVERY_HOUR)
        self._hour_chances = np.array(hours) / sum(hours)
        self._last_original: Indices = np.zeros((0, 4), dtype=np.int64)

    def _check_responsible(self, where: str) -> None:
        orphans = np.flatnonzero((self._entry_chances > 0) & (self._group_of_entry < 0))
        if len(orphans) and any(self.spec.cases.get(life) for life in DISPATCHED):
            raise InputError(
                f"scenario, {where}: no unit is responsible for {self.world.categories[orphans[0]]}.",
                remedy="Give the stream `units`, or the scenario a line for it under `responsible`.",
            )

    def draw(self, rng: np.random.Generator, first: int, after: int, taken: Indices) -> Cases:
        """The cases reported on the days `first` to `after` (excluded).

        `taken` counts the case numbers given on each day, and is moved on.
        """
        quotas = self.quotas[:, first:after]
        day = np.repeat(np.tile(np.arange(first, after), len(self.lives)), quotas.ravel())
        life = np.repeat(np.arange(len(self.lives)), quotas.sum(axis=1))
        reported = self._times(rng, day)
        order = np.lexsort((reported, day))
        day, life, reported = day[order], life[order], reported[order]
        size = len(day)
        daily = quotas.sum(axis=0)
        within = np.arange(size) - np.repeat(np.cumsum(daily) - daily, daily)
        number = taken[day] + within + 1
        taken[first:after] += daily
        entry = self._entries(rng, day)
        cases = Cases(
            day=day,
            number=number,
            life=life,
            reported=reported,
            entry=entry,
            node=self.world.pick_nodes(rng, self.spec.levels, day),
            channel=self.channels[rng.choice(len(self.channels), size, p=self._channel_chances)],
            unit=self._units(rng, entry),
            into_day=np.full(size, -1),
            into_number=np.full(size, -1),
        )
        self._merge(cases)
        return cases

    def _times(self, rng: np.random.Generator, day: Indices) -> Instants:
        midnight = self.world.clock.midnights
        length = midnight[day + 1] - midnight[day]
        hour = rng.choice(24, len(day), p=self._hour_chances) + rng.random(len(day))
        return np.asarray(midnight[day] + (hour / 24 * length).astype(np.int64))

    def _entries(self, rng: np.random.Generator, day: Indices) -> Indices:
        chances = self._entry_chances
        entry = rng.choice(len(chances), len(day), p=chances / chances.sum())
        for burst in self.world.scenario.bursts:
            wet = self._burst_chances(burst.categories)
            if wet is None:
                continue
            days = self.world.clock.days
            stormy = [i for i in np.unique(day) if burst.days.first <= days[i] <= burst.days.last]
            caught = np.flatnonzero(np.isin(day, stormy))
            entry[caught] = rng.choice(len(wet), len(caught), p=wet)
        return entry

    def _burst_chances(self, factors: dict[str, float]) -> Array | None:
        chances = self._entry_chances.copy()
        for selector, factor in factors.items():
            chances[self.world.selected(selector)] *= factor
        return None if np.array_equal(chances, self._entry_chances) else chances / chances.sum()

    def _units(self, rng: np.random.Generator, entry: Indices) -> Indices:
        unit = np.full(len(entry), -1)
        group = self._group_of_entry[entry]
        for number, (_, chances) in enumerate(self._responsible):
            theirs = np.flatnonzero(group == number)
            unit[theirs] = rng.choice(len(chances), len(theirs), p=chances)
        return unit

    def _merge(self, cases: Cases) -> None:
        """Point each case that repeats another at the last original before it, and make it look the same."""
        if "merged" not in self.lives:
            return
        repeats = np.flatnonzero(cases.life == self.lives.index("merged"))
        kept = [self.lives.index(life) for life in ORIGINALS if life in self.lives]
        fresh = np.flatnonzero(np.isin(cases.life, kept))
        looks = np.stack([cases.day, cases.number, cases.entry, cases.node], axis=1)
        originals = np.concatenate([self._last_original, looks[fresh]])
        before = np.searchsorted(fresh, repeats) + len(self._last_original) - 1
        chosen = originals[np.maximum(before, 0)]
        cases.into_day[repeats], cases.into_number[repeats] = chosen[:, 0], chosen[:, 1]
        cases.entry[repeats], cases.node[repeats] = chosen[:, 2], chosen[:, 3]
        self._last_original = originals[-1:]
