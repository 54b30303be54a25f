"""What was sent, counted: the figures that a landing of the same records must come to."""

from __future__ import annotations

from collections import Counter

import numpy as np
from pydantic import BaseModel

from contracts import events
from producers.simulator.rows import DUPLICATE, FAULTS, VERB, VERBS, Rows
from producers.simulator.simulation import Batch, Simulation

LATE_SECONDS = 3600


class Summary(BaseModel):
    """`records` = `events` + `duplicates` + all `malformed`; `cases` by stream and life, as reported.

    `late` events were sent more than an hour after they happened. Times are seconds since 1970.
    """

    profile: str
    seed: int
    records: int
    events: int
    duplicates: int
    malformed: dict[str, int]
    late: int
    by_type: dict[str, int]
    cases: dict[str, dict[str, int]]
    first_sent: int | None
    last_sent: int | None


class Tally:
    """Counts the batches of a simulation as they are delivered."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.records = 0
        self._late = 0
        self._types: Counter[int] = Counter()
        self._faults: Counter[int] = Counter()
        self._lives: Counter[tuple[int, int]] = Counter()
        self._first: int | None = None
        self.last_sent: int | None = None

    def add(self, batch: Batch) -> None:
        """Count a batch, or a part of one."""
        rows = batch.rows
        if not len(rows):
            return
        good = rows[rows["fault"] < 0]
        self.records += len(rows)
        self._late += int((good["sent"] - good["at"] > LATE_SECONDS).sum())
        self._types.update(good["verb"].tolist())
        self._faults.update(rows["fault"][rows["fault"] >= 0].tolist())
        self._add_cases(good[good["verb"] == VERB[events.Reported]])
        self._first = int(rows["sent"][0]) if self._first is None else self._first
        self.last_sent = int(rows["sent"][-1])

    def summary(self) -> Summary:
        """The counts so far."""
        cases: dict[str, dict[str, int]] = {}
        for (stream, life), count in sorted(self._lives.items()):
            of_stream = self._simulation.streams[stream]
            cases.setdefault(of_stream.name, {})[of_stream.lives[life]] = count
        return Summary(
            profile=self._simulation.world.profile.name,
            seed=self._simulation.world.seed,
            records=self.records,
            events=self._types.total(),
            duplicates=self._faults[DUPLICATE],
            malformed={fault: self._faults[n] for n, fault in enumerate(FAULTS, 1) if self._faults[n]},
            late=self._late,
            by_type={model.type: self._types[n] for n, model in enumerate(VERBS) if self._types[n]},
            cases=cases,
            first_sent=self._first,
            last_sent=self.last_sent,
        )

    def _add_cases(self, reported: Rows) -> None:
        pairs, counts = np.unique(reported[["stream", "life"]], return_counts=True)
        for (stream, life), count in zip(pairs.tolist(), counts.tolist(), strict=True):
            self._lives[stream, life] += count
