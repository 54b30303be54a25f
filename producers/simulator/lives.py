"""What becomes of cases: the steps of each life, as rows with their times.

A step takes a share of its limit, on the clock of that limit (working sessions or around the clock), so
that lateness is what the scenario says. Guarantees: the times of a case never run backwards, and what
would happen after the scenario's end does not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts import events
from producers.simulator.cases import Cases, CaseStream
from producers.simulator.clock import Instants
from producers.simulator.quota import shares
from producers.simulator.rows import OUTCOMES, RESOLUTIONS, SATISFACTIONS, VERB, Rows, blank, joined
from producers.simulator.scenario import Desk
from producers.simulator.world import Indices

Array = npt.NDArray[Any]

MINUTE, HOUR, DAY = 60, 3600, 86_400
DISSATISFIED = (SATISFACTIONS.index("dissatisfied"), SATISFACTIONS.index("very_dissatisfied"))
SHARED = ("day", "number", "life", "into_day", "into_number", "entry", "node", "channel")


def index_of(verb: type[events.Data], outcome: str) -> int:
    """The number of an outcome of `verb`."""
    return OUTCOMES[verb].index(outcome)


class Lives:
    """The lives of one block of cases. `now` is how far each has come; `who` are positions in the block."""

    def __init__(self, stream: CaseStream, cases: Cases, rng: np.random.Generator) -> None:
        self.stream = stream
        self.spec = stream.spec
        self.world = stream.world
        self.cases = cases
        self.rng = rng
        self.now: Instants = cases.reported.copy()
        self.filed: Instants = cases.reported.copy()
        self.unit = cases.unit.copy()
        self.task = np.full(len(cases), -1)
        self.is_late = np.zeros(len(cases), dtype=bool)
        self.step = np.zeros(len(cases), dtype=np.int64)
        self.is_public = self.world.is_public[cases.channel]
        self.limit = stream.limit_seconds[cases.entry]
        self.limit_is_working = stream.limit_is_working[cases.entry]
        self._parts: list[Rows] = []
        self._places: list[Indices] = []

    def rows(self) -> Rows:
        """Every event of every case of the block, not yet in any order."""
        lives: dict[str, Callable[[Indices], None]] = {
            "routed": self._routed,
            "open": self._stays_open,
            "voided": self._voided,
            "self_disposed": self._self_disposed,
            "declined": self._declined,
            "invalid": self._declined,
            "merged": self._merged,
        }
        everyone = np.arange(len(self.cases))
        self._report(everyone)
        for number, life in enumerate(self.stream.lives):
            lives[life](np.flatnonzero(self.cases.life == number))
        return self._on_record()

    def _report(self, who: Indices) -> None:
        is_valid: int | Array = -1
        if "invalid" in self.stream.lives:
            is_valid = self.cases.life != self.stream.lives.index("invalid")
        tagged = np.where(self.rng.random(len(who)) < self.spec.tagged, 1, -1) if self.spec.tags else -1
        self._note(events.Reported, who, is_valid=is_valid, is_tagged=tagged)

    # Lives ----------------------------------------------------------------------------------------------

    def _routed(self, who: Indices) -> None:
        self._take_in(who)
        self._dispatch(who)
        self._handle(who)
        self._check(who)
        self._close(who)
        self._appeal(who)
        self._visit(who)

    def _stays_open(self, who: Indices) -> None:
        self._take_in(who)
        self._dispatch(who)

    def _voided(self, who: Indices) -> None:
        self._take_in(who)
        self._dispatch(who)
        self._wait(who, HOUR, 2 * DAY)
        self._note(events.Voided, who)

    def _self_disposed(self, who: Indices) -> None:
        self._wait(who, 3 * MINUTE, HOUR)
        self._note(events.SelfDisposed, who)

    def _declined(self, who: Indices) -> None:
        self._desk("accept", who, events.Accepted)
        refuted = self._some(who[self.is_public[who]], 0.5)
        self._desk("verify", refuted, events.Verified, outcome=index_of(events.Verified, "refuted"))
        self._desk("file", who, events.Declined)

    def _merged(self, who: Indices) -> None:
        self._desk("file", who, events.Declined)

    # Steps ----------------------------------------------------------------------------------------------

    def _take_in(self, who: Indices) -> None:
        self._desk("accept", who, events.Accepted)
        public = who[self.is_public[who]]
        self._desk("verify", public, events.Verified, outcome=index_of(events.Verified, "confirmed"))
        deadline: int | Instants = -1
        self._pass_desk("file", who)
        self.filed[who] = self.now[who]
        if self.spec.deadline_days:
            deadline = self._due(who, 1.0)
        self._note(events.Filed, who, moment=deadline)

    def _dispatch(self, who: Indices) -> None:
        """Send to a unit and have it signed; a wrong unit returns it, and the right one gets it."""
        refused = self._some(who, self.spec.turns.returned)
        proper = self.unit[refused]
        self.unit[refused] = self.rng.integers(0, len(self.world.units), len(refused))
        self._send(who)
        unsigned = self._some(refused, 0.4)
        self._desk("sign", np.setdiff1d(who, unsigned), events.Signed)
        self._wait_worked(refused, 10 * MINUTE, 3 * HOUR)
        self._note(events.Returned, refused)
        self.unit[refused] = proper
        self._send(refused)
        self._desk("sign", refused, events.Signed)

    def _send(self, who: Indices) -> None:
        self._pass_desk("dispatch", who)
        self.task[who] += 1
        minutes = self.spec.minutes.get("sign")
        self._note(events.Dispatched, who, moment=self.now[who] + int(minutes * MINUTE) if minutes else -1)

    def _handle(self, who: Indices) -> None:
        """Do the work, in time or not, with an extension or a pause for some."""
        turns = self.spec.turns
        late = np.minimum(self.spec.late.handle * self.world.unit_slowness[self.unit[who]], 0.9)
        self.is_late[who] = self.rng.random(len(who)) < late
        share = self._share_of_limit(self.is_late[who])
        extended = self._some(np.arange(len(who)), turns.extended)
        self._extend(who[extended])
        share[extended] += 1
        suspended = np.setdiff1d(self._some(np.arange(len(who)), turns.suspended), extended)
        share[suspended] = np.maximum(share[suspended] - self._suspend(who[suspended]), 0.05)
        self._supervise(self._some(who, turns.supervised))
        if self.spec.closes:
            self.now[who] = self._times_of_closing(who)
        else:
            self.now[who] = np.maximum(
                self.now[who] + self._seconds(who, 5 * MINUTE, HOUR), self._due(who, share)
            )
        self._note(events.Handled, who, outcome=self._mediation(who))

    def _extend(self, who: Indices) -> None:
        """Ask for one more limit before the first has passed."""
        self.now[who] = np.maximum(
            self.now[who] + MINUTE, self._due(who, self.rng.uniform(0.5, 0.9, len(who)))
        )
        self._note(events.Extended, who, moment=self._due(who, 2.0))

    def _suspend(self, who: Indices) -> Array:
        """Pause for days; the clock starts anew at the end of the pause. Returns the share used before."""
        used = self.rng.uniform(0.2, 0.6, len(who))
        self.now[who] = np.maximum(self.now[who] + MINUTE, self._due(who, used))
        pause = self.rng.integers(3, 40, len(who)) * DAY
        self._note(events.Suspended, who, moment=self.now[who] + pause)
        self.now[who] += pause
        self._note(events.Resumed, who)
        self.filed[who] = self.now[who]
        return used

    def _supervise(self, who: Indices) -> None:
        self._wait_worked(who, 30 * MINUTE, 4 * HOUR)
        self._note(events.Supervised, who)

    def _check(self, who: Indices) -> None:
        """Have a grid worker look; where it fails, the same unit works again."""
        failed = self._some(who, self.spec.turns.reworked)
        self._desk("check", failed, events.Checked, outcome=index_of(events.Checked, "failed"))
        if "check" not in self.spec.without:
            self._wait_worked(failed, HOUR, 8 * HOUR)
            self._note(events.Handled, failed, outcome=self._mediation(failed))
        self._desk("check", who, events.Checked, outcome=index_of(events.Checked, "passed"))

    def _close(self, who: Indices) -> None:
        kind = np.zeros(len(who), dtype=np.int64)
        special = self._some(np.arange(len(who)), self.spec.turns.closed_specially)
        kind[special] = self.rng.integers(1, len(OUTCOMES[events.Closed]), len(special))
        self._desk("close", who, events.Closed, outcome=kind)

    def _appeal(self, who: Indices) -> None:
        exempted = self._some(who[self.is_late[who]], self.spec.turns.exempted)
        self._wait_worked(exempted, 4 * HOUR, 20 * HOUR)
        self._note(events.Exempted, exempted)

    def _visit(self, who: Indices) -> None:
        """Call back; who is not satisfied may have the work done once more, and is called again."""
        if "visit" in self.spec.without:
            return
        called = self._some(
            who if self.spec.visits.of_all else who[self.is_public[who]], self.spec.visits.share
        )
        unhappy = self._call(called, may_reopen=True)
        self._send(unhappy)
        self._desk("sign", unhappy, events.Signed)
        self._wait_worked(unhappy, 2 * HOUR, 12 * HOUR)
        self._note(events.Handled, unhappy, outcome=self._mediation(unhappy))
        self._desk("check", unhappy, events.Checked, outcome=index_of(events.Checked, "passed"))
        self._close(unhappy)
        self._call(unhappy, may_reopen=False)

    def _call(self, who: Indices, *, may_reopen: bool) -> Indices:
        """Note a visit each; returns those whose cases go back to work."""
        visits, size = self.spec.visits, len(who)
        outcome = self._words(OUTCOMES[events.Visited], visits.outcomes, size)
        valid = outcome == index_of(events.Visited, "valid")
        satisfaction = np.where(valid, self._words(SATISFACTIONS, visits.satisfaction, size), -1)
        reopened = np.isin(satisfaction, DISSATISFIED) & (self.rng.random(size) < self.spec.turns.reopened)
        self._desk(
            "visit",
            who,
            events.Visited,
            outcome=outcome,
            satisfaction=satisfaction,
            resolution=np.where(valid, self._words(RESOLUTIONS, visits.resolution, size), -1),
            is_contacted=np.where(valid, self.rng.random(size) < visits.contacted, -1),
            is_reopened=np.where(reopened & may_reopen, 1, -1),
        )
        return who[reopened & may_reopen]

    # Time -----------------------------------------------------------------------------------------------

    def _desk(self, desk: Desk, who: Indices, verb: type[events.Data], **columns: int | Array) -> None:
        """One step at a desk, unless this stream goes without it."""
        if desk in self.spec.without:
            return
        if desk in ("verify", "check"):
            # The order to look goes out a little before the desk's own time runs.
            self.now[who] += self._seconds(who, 1, 8 * MINUTE)
            columns["moment"] = self.now[who]
        self._pass_desk(desk, who)
        self._note(verb, who, **columns)

    def _pass_desk(self, desk: Desk, who: Indices) -> None:
        seconds, is_working = self._time_at(desk, who)
        late = self.rng.random(len(who)) < getattr(self.spec.late, desk)
        self.now[who] = self.world.clock.add(self.now[who], self._share_of_limit(late) * seconds, is_working)

    def _time_at(self, desk: Desk, who: Indices) -> tuple[float | Array, bool | Array]:
        """A desk's limit. What is urgent is signed for around the clock, in time to be handled in time."""
        if desk in self.spec.minutes:
            return self.spec.minutes[desk] * MINUTE, False
        seconds, is_working = self.world.desks[desk]
        if desk != "sign":
            return seconds, is_working
        urgent = ~self.limit_is_working[who] & (self.limit[who] < DAY)
        return np.where(urgent, np.minimum(seconds, self.limit[who] / 4), seconds), ~urgent & is_working

    def _share_of_limit(self, late: Array) -> Array:
        """How much of a limit was used: mostly a third, and beyond the whole where late."""
        beyond = 1.05 + self.rng.exponential(0.8, len(late))
        return np.where(late, beyond, self.rng.beta(2, 4, len(late)) * 0.97)

    def _due(self, who: Indices, share: float | Array) -> Instants:
        """When `share` of the handling limit has passed since the clock started."""
        working = self.limit_is_working[who]
        return self.world.clock.add(self.filed[who], self.limit[who] * share, working)

    def _seconds(self, who: Indices, least: float, most: float) -> Instants:
        return self.rng.integers(int(least), int(most), len(who))

    def _wait(self, who: Indices, least: float, most: float) -> None:
        self.now[who] += self._seconds(who, least, most)

    def _wait_worked(self, who: Indices, least: float, most: float) -> None:
        self.now[who] = self.world.clock.add(self.now[who], self._seconds(who, least, most), True)

    def _times_of_closing(self, who: Indices) -> Instants:
        assert self.spec.closes is not None
        clock = self.world.clock
        since = clock.at(self.spec.closes.first)
        until = min(clock.at(self.spec.closes.last) + DAY, self.world.end)
        spread = since + self.rng.random(len(who)) * (until - since)
        return np.maximum(self.now[who] + MINUTE, spread.astype(np.int64))

    # Chance ---------------------------------------------------------------------------------------------

    def _some(self, who: Indices, share: float) -> Indices:
        return who[self.rng.random(len(who)) < share]

    def _words(self, words: Sequence[str], weights: Mapping[Any, float], size: int) -> Indices:
        numbers = np.array([words.index(word) for word in weights])
        return numbers[self.rng.choice(len(numbers), size, p=shares(weights))]

    def _mediation(self, who: Indices) -> Array | int:
        if self.spec.mediated is None:
            return -1
        return (self.rng.random(len(who)) >= self.spec.mediated).astype(np.int64)

    # Record ---------------------------------------------------------------------------------------------

    def _note(self, verb: type[events.Data], who: Indices, **columns: int | Array) -> None:
        """Write down that `verb` happened now to each of `who`."""
        rows = blank(len(who))
        for name in SHARED:
            rows[name] = getattr(self.cases, name)[who]
        rows["verb"] = VERB[verb]
        rows["stream"] = self.stream.index
        rows["at"] = self.now[who]
        rows["unit"] = self.unit[who]
        rows["task"] = self.task[who]
        rows["step"] = self.step[who]
        rows["person"] = self.rng.integers(0, 2**31, len(who))
        for name, values in columns.items():
            rows[name] = values
        self.step[who] += 1
        self._parts.append(rows)
        self._places.append(who)

    def _on_record(self) -> Rows:
        rows = joined(self._parts)
        if self.spec.finishes:
            self._hurry(rows, np.concatenate(self._places))
        return rows[rows["at"] < self.world.end]

    def _hurry(self, rows: Rows, place: Indices) -> None:
        """Shrink the lives that would outlast the scenario so that they end in time."""
        last = np.zeros(len(self.cases), dtype=np.int64)
        np.maximum.at(last, place, rows["at"])
        began = self.cases.reported
        room = np.minimum(1.0, (self.world.end - 1 - began) / np.maximum(last - began, 1))
        rows["at"] = began[place] + ((rows["at"] - began[place]) * room[place]).astype(np.int64)
