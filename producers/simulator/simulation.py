"""A simulated street, streamed: events in the order they are sent, made a stretch of days at a time.

Reads a profile and a scenario; writes nothing: it yields batches of (key, value). Guarantees: the same
arguments give the same bytes; what is sent before a day does not depend on where the stream is cut;
memory holds one stretch of days and the events still to be sent, as small rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from contracts import events
from gridrates.profile import Profile
from producers.simulator.beside import ActivityStream, Happening, projects
from producers.simulator.cases import Cases, CaseStream
from producers.simulator.encode import Record, encode_cases, encode_happening
from producers.simulator.lives import Lives
from producers.simulator.quota import spread
from producers.simulator.rows import FAULTS, VERB, Rows, blank, in_order_of_sending, joined
from producers.simulator.scenario import Scenario
from producers.simulator.world import World

# Cases made at once: enough to make numpy worth its while, few enough to stay in the cache.
STRETCH_CASES = 20_000
LONGEST_STRETCH = 31
BATCH = 5_000
ON_SLOW_DEVICES = (VERB[events.Signed], VERB[events.Handled])


class Batch(NamedTuple):
    """Records in the order of sending, with the row each was written from."""

    rows: Rows
    records: list[Record]

    def part(self, start: int, stop: int) -> Batch:
        """The records from `start` to `stop` (excluded)."""
        return Batch(self.rows[start:stop], self.records[start:stop])


class Simulation:
    """One run of a scenario."""

    def __init__(
        self, profile: Profile, scenario: Scenario, *, seed: int | None = None, scale: float = 1.0
    ) -> None:
        self.world = World(profile, scenario, scenario.seed if seed is None else seed)
        self.scenario = scenario
        self._scale = scale
        self._activities = {
            name: ActivityStream(self.world, name, spec, scale) for name, spec in scenario.activities.items()
        }
        self.streams = [
            CaseStream(self.world, index, name, spec, scale, self._days_of(name))
            for index, (name, spec) in enumerate(scenario.streams.items())
        ]
        self._taken = np.zeros(len(self.world.clock.days), dtype=np.int64)
        self._waiting: list[Rows] = []
        self._happenings: dict[int, Happening] = {}
        self._happened = 0
        self._owed: Counter[int] = Counter()

    def batches(self, until: date | None = None) -> Iterator[Batch]:
        """Everything that is sent, to the end of `until` or of the scenario."""
        midnights = self.world.clock.midnights
        cut = self.world.end if until is None else min(self.world.end, self.world.clock.at(until) + 86_400)
        for name, spec in self.scenario.projects.items():
            self._add_happenings(list(projects(self.world, name, spec, self._scale)), f"sent.{name}", 0)
        for first, after in self._stretches():
            if midnights[first] >= cut:
                return
            rows = self._sent_in(first, after)
            yield from self._written(rows[rows["sent"] < cut])

    def _days_of(self, name: str) -> npt.NDArray[np.float64]:
        spec = self.scenario.streams[name]
        if spec.opened_by:
            return self._activities[spec.opened_by].daily.astype(np.float64)
        first = spec.reported.first if spec.reported else self.scenario.starts_on
        last = spec.reported.last if spec.reported else self.scenario.ends_on
        return self.world.day_weights(first, last)

    def _stretches(self) -> Iterator[tuple[int, int]]:
        """Day indices, first included, last excluded; as long as suits the number of cases."""
        total = len(self.world.clock.days)
        cases = sum(int(stream.quotas.sum()) for stream in self.streams)
        length = int(np.clip(STRETCH_CASES * total / max(cases, 1), 1, LONGEST_STRETCH))
        for first in range(0, total, length):
            yield first, min(first + length, total)

    def _sent_in(self, first: int, after: int) -> Rows:
        """What is sent on the days `first` to `after` (excluded), in order, faults and all."""
        self._make(first, after)
        end = self.world.clock.midnights[after]
        waiting = joined(self._waiting)
        due = waiting["sent"] < end
        rows, self._waiting = waiting[due], [waiting[~due]]
        return in_order_of_sending(joined([rows, *self._faulty(rows, first, after, int(end))]))

    def _make(self, first: int, after: int) -> None:
        """Let the cases, activities and projects of some days begin."""
        opened: dict[str, dict[int, list[str]]] = {name: {} for name in self._activities}
        for stream in self.streams:
            rng = self.world.rng(f"cases.{stream.name}", first)
            cases = stream.draw(rng, first, after, self._taken)
            self._waiting.append(self._sending(Lives(stream, cases, rng).rows(), rng))
            if stream.spec.opened_by:
                self._link(opened[stream.spec.opened_by], cases)
        for name, activity in self._activities.items():
            rng = self.world.rng(f"activities.{name}", first)
            self._add_happenings(
                list(activity.draw(rng, first, after, opened[name])), f"sent.activities.{name}", first
            )

    def _link(self, opened: dict[int, list[str]], cases: Cases) -> None:
        ids = self.world.case_ids(cases.entry, cases.day, cases.number)
        for day, case in zip(cases.day.tolist(), ids, strict=True):
            opened.setdefault(day, []).append(case)

    def _add_happenings(self, happenings: list[Happening], label: str, number: int) -> None:
        happenings = [one for one in happenings if one.at < self.world.end]
        rows = blank(len(happenings))
        rows["at"] = [one.at for one in happenings]
        rows["verb"] = [VERB[one.model] for one in happenings]
        rows["detail"] = np.arange(self._happened, self._happened + len(happenings))
        self._happenings.update(zip(rows["detail"].tolist(), happenings, strict=True))
        self._happened += len(happenings)
        self._waiting.append(self._sending(rows, self.world.rng(label, number)))

    def _sending(self, rows: Rows, rng: np.random.Generator) -> Rows:
        """Set when each event is sent: soon, or long after from a device that was offline."""
        faults, size = self.scenario.faults, len(rows)
        delay = 1 + rng.exponential(4, size).astype(np.int64)
        late = rng.random(size) < faults.late_share
        long = (rng.uniform(0.1, 1, size) * faults.late_days * 86_400).astype(np.int64)
        # Everything that happens before the scenario's end is sent before it too.
        rows["sent"] = np.minimum(rows["at"] + np.where(late, long, delay), self.world.end - 1)
        slow = np.isin(rows["verb"], ON_SLOW_DEVICES) & (rng.random(size) < faults.skewed_share)
        rows["at"][slow] -= rng.integers(60, int(faults.skewed_minutes * 60) + 61, int(slow.sum()))
        return rows

    def _faulty(self, rows: Rows, first: int, after: int, end: int) -> Iterator[Rows]:
        """Copies of case events that are sent once more, as they are or spoilt; exact in number."""
        faults = self.scenario.faults
        counts = [faults.duplicates, *(faults.malformed.get(fault, 0) for fault in FAULTS)]
        days = self.world.day_weights(self.scenario.starts_on, self.scenario.ends_on) > 0
        rng = self.world.rng("faults", first)
        originals = rows[rows["detail"] < 0]
        for fault, count in enumerate(counts):
            self._owed[fault] += int(spread(round(count * self._scale), days)[first:after].sum())
            if len(originals):
                copies = originals[rng.integers(0, len(originals), self._owed.pop(fault))]
                copies["fault"] = fault
                copies["sent"] = np.minimum(copies["sent"] + rng.integers(5, 7200, len(copies)), end - 1)
                yield copies

    def _written(self, rows: Rows) -> Iterator[Batch]:
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            records = encode_cases(self.world, part[part["detail"] < 0])
            for place in np.flatnonzero(part["detail"] >= 0).tolist():
                happening = self._happenings.pop(int(part["detail"][place]))
                records.insert(place, encode_happening(self.world, happening))
            yield Batch(part, records)
