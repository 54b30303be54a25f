"""The street as tables of codes: grid nodes, units, categories with their limits, desks, channels.

Reads a `Profile` and a `Scenario` that names the profile's codes. Guarantees that every code used exists;
a code that does not is an InputError naming the scenario's key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from gridrates.errors import InputError
from gridrates.profile import Limit, Profile
from producers.simulator.clock import Clock, Instants
from producers.simulator.quota import shares, spread
from producers.simulator.scenario import Scenario, Stream

Array = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]

# Desks of a profile that sets no limit for them, in minutes.
USUAL_DESK_MINUTES = {
    "accept": 15,
    "verify": 30,
    "file": 30,
    "dispatch": 15,
    "sign": 120,
    "check": 60,
    "close": 30,
    "visit": 2880,
}
STREET_RADIUS_DEGREES = 0.006


@dataclass(frozen=True)
class Entry:
    """A category under one filing condition, with its handling limit."""

    system: str
    code: str
    name: str
    condition: int | None
    limit: Limit | None


def unknown(where: str, what: str, known: Iterable[str]) -> InputError:
    """The error for a code of a scenario that its profile does not have."""
    some = ", ".join(list(known)[:12])
    return InputError(f"scenario, {where}: the profile has no {what}.", remedy=f"It has: {some}.")


class World:
    """Everything that does not change while a scenario runs."""

    def __init__(self, profile: Profile, scenario: Scenario, seed: int) -> None:
        self.profile = profile
        self.scenario = scenario
        self.seed = seed
        first, last = self._horizon()
        self.clock = Clock(profile.calendar, profile.time_zone, first, last)
        self.end = int(self.clock.midnights[-1])
        self.desks = {desk: self.clock.seconds(*self._desk_limit(desk)) for desk in USUAL_DESK_MINUTES}
        self.channels = list(profile.channels)
        self.is_public = np.array([c.is_public for c in profile.channels.values()], dtype=bool)
        self.units = [unit.unit_code for unit in profile.units]
        self._read_entries()
        self._read_nodes()
        letters = scenario.case_letters
        self._case_prefixes = np.array(
            [letters.get(e.system, "X") + e.code for e in self.entries], dtype=object
        )
        self._dates = np.array([f"{day:%Y%m%d}" for day in self.clock.days], dtype=object)
        # How much likelier than others a unit is to be late: what makes rankings worth reading.
        self.unit_slowness = self.rng("units").lognormal(0, scenario.unit_spread, max(len(self.units), 1))

    def rng(self, label: str, number: int = 0) -> np.random.Generator:
        """A source of chance of its own for `label`: adding another does not disturb it."""
        return np.random.default_rng([self.seed, crc32(label.encode()), number])

    def day_weights(self, first: date, last: date, *, working_days_only: bool = False) -> Array:
        """How busy each day of the clock is, 0 outside `first` to `last`."""
        weights = np.zeros(len(self.clock.days))
        for index, day in enumerate(self.clock.days):
            if first <= day <= last and (self.clock.working_days[index] or not working_days_only):
                weights[index] = self._busyness(day)
        return weights

    def daily(self, total: int, weights: Array, where: str) -> Indices:
        """How many of `total` fall on each day. Raises InputError when there is no day for them."""
        try:
            return spread(total, weights)
        except ValueError as error:
            raise InputError(
                f"scenario, {where}: there is no day on which it could happen.",
                remedy="Widen the span, allow days that are not worked, or give the days some weight.",
            ) from error

    def case_ids(self, entry: Array, day: Array, number: Array) -> list[str]:
        """Case numbers: letter, category, day of the report, number on that day."""
        parts = zip(self._case_prefixes[entry], self._dates[day], number.tolist(), strict=True)
        return [f"{prefix}{date}{count:05d}" for prefix, date, count in parts]

    def category_weights(self, weights: Mapping[str, float], where: str) -> Array:
        """A chance per entry from weights by `system` or `system/prefix`, shared evenly inside each."""
        chances = np.zeros(len(self.entries))
        for selector, weight in weights.items():
            chosen = self.selected(selector)
            if not chosen.any():
                raise unknown(where, f"category {selector!r}", self.systems)
            chances[chosen] += weight / self._entry_share[chosen].sum() * self._entry_share[chosen]
        return chances

    def unit_weights(self, weights: Mapping[str, float], where: str) -> Array:
        """A chance per unit."""
        self._check(where, "unit", weights, self.units)
        chances = np.array([weights.get(unit, 0.0) for unit in self.units])
        return np.asarray(chances / chances.sum())

    def channel_numbers(self, stream: Stream, where: str) -> tuple[Indices, Array]:
        """The channels of a stream and their chances."""
        self._check(where, "channel", stream.channels, self.channels)
        return np.array([self.channels.index(c) for c in stream.channels]), shares(stream.channels)

    def pick_nodes(self, rng: np.random.Generator, levels: Mapping[str, float], days: Indices) -> Indices:
        """A grid node for each day index, of the levels in proportion, as the tree was drawn that day."""
        self._check("levels", "grid level", levels, self.levels)
        nodes = np.full(len(days), -1, dtype=np.int64)
        wanted = rng.choice(len(levels), len(days), p=shares(levels))
        for number, level in enumerate(levels):
            for since, until, drawn, chances in self._drawn[level]:
                here = np.flatnonzero((wanted == number) & (days >= since) & (days < until))
                nodes[here] = rng.choice(drawn, len(here), p=chances)
        return nodes

    def _check(self, where: str, what: str, used: Iterable[str], known: list[str]) -> None:
        for code in used:
            if code not in known:
                raise unknown(where, f"{what} {code!r}", known)

    def _horizon(self) -> tuple[date, date]:
        spans = [s.reported for s in self.scenario.streams.values() if s.reported]
        spans += [a.held for a in self.scenario.activities.values() if a.held]
        spans += [p.begun for p in self.scenario.projects.values() if p.begun]
        return min([self.scenario.starts_on, *(s.first for s in spans)]), self.scenario.ends_on

    def _desk_limit(self, desk: str) -> tuple[float, str]:
        for name, limit in self.profile.desk_limits.items():
            if name == desk:
                return limit.amount, limit.unit
        return USUAL_DESK_MINUTES[desk], "minute"

    def _busyness(self, day: date) -> float:
        weight = self.scenario.weekdays[day.weekday()] * self.scenario.months.get(day.month, 1.0)
        for burst in self.scenario.bursts:
            if burst.days.first <= day <= burst.days.last:
                weight *= burst.factor
        return weight

    # Categories -----------------------------------------------------------------------------------------

    def _read_entries(self) -> None:
        parents = {(c.category_system, c.parent_code) for c in self.profile.categories}
        self.entries: list[Entry] = []
        entry_share: list[float] = []
        for category in self.profile.categories:
            key = (category.category_system, category.category_code)
            if key in parents:
                continue
            limits = [x for x in self.profile.limits if (x.category_system, x.category_code) == key]
            numbered = [x for x in limits if x.condition_no is not None]
            conditions: list[Limit | None] = [*(numbered or limits[:1])] or [None]
            for limit in conditions:
                number = limit.condition_no if limit else None
                self.entries.append(Entry(*key, category.name_zh, number, limit))
                # Conditions share their category's weight.
                entry_share.append(1 / len(conditions))
        self._entry_share = np.array(entry_share)
        self.systems = list(dict.fromkeys(e.system for e in self.entries))
        self.categories = np.array([f"{e.system}/{e.code}" for e in self.entries], dtype=object)

    def selected(self, selector: str) -> Array:
        """Which entries `system` or `system/prefix` means."""
        prefix = selector if "/" in selector else f"{selector}/"
        return np.array([key.startswith(prefix) for key in self.categories], dtype=bool)

    def limits(self, work_type: str) -> tuple[Array, Array]:
        """For each entry: the seconds of its handling limit, and whether they are working time."""
        general = self._general_limit(work_type)
        found = [entry.limit or general for entry in self.entries]
        pairs = [self.clock.seconds(x.amount, x.unit) if x else (432_000.0, False) for x in found]
        return np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs], dtype=bool)

    def _general_limit(self, work_type: str) -> Limit | None:
        general = [x for x in self.profile.limits if x.category_code is None]
        of_type = [x for x in general if x.work_type == work_type]
        return next(iter(of_type or [x for x in general if x.work_type is None]), None)

    def responsible(self, stream: Stream, where: str) -> list[tuple[Indices, Array]]:
        """Groups of entries with the chances of the units that get them; together they cover all entries."""
        if stream.units:
            return [(np.arange(len(self.entries)), self.unit_weights(stream.units, where))]
        rules = sorted(self.scenario.responsible, key=len)
        owner = np.full(len(self.entries), -1)
        for number, selector in enumerate(rules):
            owner[self.selected(selector)] = number
        return [
            (np.flatnonzero(owner == number), self.unit_weights(self.scenario.responsible[s], "responsible"))
            for number, s in enumerate(rules)
        ]

    # Grid tree ------------------------------------------------------------------------------------------

    def _read_nodes(self) -> None:
        grids = [grid for grid in self.profile.grids if grid.tree == "grid"]
        self.nodes = list(dict.fromkeys(grid.grid_code for grid in grids))
        self.levels = list(dict.fromkeys(grid.level for grid in grids))
        number = {code: n for n, code in enumerate(self.nodes)}
        self.node_names = [""] * len(self.nodes)
        since = np.full(len(self.nodes), np.iinfo(np.int64).max)
        until = np.zeros(len(self.nodes), dtype=np.int64)
        level = np.zeros(len(self.nodes), dtype=np.int64)
        for grid in grids:
            n = number[grid.grid_code]
            self.node_names[n] = grid.name_zh
            level[n] = self.levels.index(grid.level)
            # A node whose parent changed has two rows without a gap: it was there all the time.
            since[n] = min(since[n], self._day_number(grid.valid_from, 0))
            until[n] = max(until[n], self._day_number(grid.valid_to, len(self.clock.days)))
        rng = self.rng("nodes")
        busyness = rng.lognormal(0, 0.5, len(self.nodes))
        self.positions = np.round(
            rng.normal(self.scenario.centre, STREET_RADIUS_DEGREES, (len(self.nodes), 2)), 6
        )
        self._drawn = {
            name: list(_stretches(np.flatnonzero(level == n), since, until, busyness, len(self.clock.days)))
            for n, name in enumerate(self.levels)
        }

    def _day_number(self, day: date | None, otherwise: int) -> int:
        if day is None:
            return otherwise
        return int(np.clip((day - self.clock.days[0]) // timedelta(days=1), 0, len(self.clock.days)))


def _stretches(
    nodes: Indices, since: Instants, until: Instants, busyness: Array, days: int
) -> Iterable[tuple[int, int, Indices, Array]]:
    """Stretches of days in which the same `nodes` are on the map: first day, day after, nodes, chances."""
    edges = np.unique(np.concatenate([[0, days], since[nodes], until[nodes]]))
    for first, after in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        drawn = nodes[(since[nodes] <= first) & (until[nodes] >= after)]
        if len(drawn):
            yield first, after, drawn, busyness[drawn] / busyness[drawn].sum()
