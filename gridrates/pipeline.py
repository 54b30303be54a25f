"""One pass: from the events on the topic to the published rates.

`run` does all of it under one lock; the DAGs call the stages one by one. Every stage can be repeated: what is
done is never done twice, and what a death left undone is found again in the live file, not in memory.

1. `land`          events → raw_event, rejects, offsets and ledger, in one transaction a batch
2. `check_raw`     the gate on what was landed; a broken ledger stops the pass
3. `fold`          touched cases → facts; the business dates they count on become stale
4. `compute`       stale dates → rates; their marks become computed
5. `check_marts`   the gate on what would be published; a date that fails is held back, the others go
6. `publish`       the next generation, switched in one rename; the marks become published

Each stage notes its start, end and outcome in `ops_pipeline_run` and in the state file that
`gridrates status` reads.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import duckdb

from expectations.gate import DataDocs, GateResult, check
from expectations.gate import warm_up as warm_up_gate
from gridrates import __version__, statefile
from gridrates.errors import GateError, GridratesError, WarehouseError
from gridrates.health import Finding, measure, record, tell
from gridrates.lineage import Flow, Lineage, of_landing, of_models, of_publication
from gridrates.profile import Profile, folder_of, load_profile
from gridrates.public_tables import public_tables
from gridrates.published_client import open_published
from gridrates.settings import Settings
from transforms.models import ROOM as TRANSFORMS
from transforms.models import load_models
from transforms.restatement import release
from transforms.runner import Computed, Folded, Runner
from warehouse.landing import LandingSummary
from warehouse.landing import land as land_batches
from warehouse.live import open_live
from warehouse.published import Publication
from warehouse.published import publish as publish_generation

T = TypeVar("T")
SQL = Path(__file__).parent / "sql"
Watch = Callable[[str], None]
# By how much a clock may be put right backwards without anybody being asked.
CLOCK_STEP = timedelta(minutes=10)


@dataclass
class PassSummary:
    """What one pass did; `seconds` by stage. Dates are business dates, `restated` counts figures."""

    run_id: str
    landing: LandingSummary | None = None
    folded_cases: int = 0
    is_full: bool = False
    computed: tuple[date, ...] = ()
    held_back: Mapping[date, Sequence[str]] = field(default_factory=dict)
    restated: int = 0
    publication: Publication | None = None
    seconds: dict[str, float] = field(default_factory=dict)


class Pass:
    """One pass over an open live file. `now` is the statistics moment; `watch` is told each stage's name."""

    def __init__(
        self,
        settings: Settings,
        connection: duckdb.DuckDBPyConnection,
        profile: Profile,
        *,
        now: datetime | None = None,
        watch: Watch = lambda _: None,
    ) -> None:
        self.settings = settings
        self.connection = connection
        self.profile = profile
        self.follows_clock = now is None
        self.runner = Runner(connection, profile, now or datetime.now(UTC))
        self.watch = watch
        self.summary = PassSummary(run_id=uuid.uuid4().hex[:12])
        # Where the gate builds its pages; a pass that nobody looks at has none, for they take their time.
        self.docs: DataDocs | None = None
        self.lineage = Lineage(settings)

    def land(self, *, accept_loss: bool = False) -> LandingSummary:
        """Land what is on the topic. Raises what landing raises; what was committed stays."""
        return self._stage(
            "land",
            lambda: land_batches(self.connection, self.settings, accept_loss=accept_loss),
            lambda s: s.landed,
        )

    def check_raw(self) -> GateResult:
        """The gate on what was landed. Raises GateError when the ledger itself is broken."""
        return self._stage("check_raw", lambda: self._check("raw", None), lambda r: len(r.results))

    def fold(self, *, full: bool = False) -> Folded:
        """Fold touched cases and mark their dates stale.

        Raises WarehouseError when the machine's clock was set back since the last time, unless `full`.
        """
        return self._stage("fold", lambda: self._fold(full), lambda f: f.cases)

    def compute(self, dates: Sequence[date]) -> Computed:
        """Make the rates of the dates again."""
        return self._stage("compute", lambda: self.runner.compute(dates), lambda c: len(c.dates))

    def check_marts(self, dates: Sequence[date]) -> dict[date, list[str]]:
        """The gate on facts and rates: the dates that fail, with the rules.

        The marks of those that are to be published become held_back; a date that is published stays it.
        """
        return self._stage("check_marts", lambda: self._hold_back(dates), len)

    def publish(self) -> Publication:
        """Publish the next generation; every computed date that was not held back becomes published."""
        return self._stage("publish", self._publish, lambda p: sum(p.rows.values()))

    def due_dates(self) -> list[date]:
        """Dates that are stale, or computed and not yet published."""
        rows = self._execute("select_due_dates").fetchall()
        return [row[0] for row in rows]

    def all_dates(self) -> list[date]:
        """Every date whose rates were made."""
        return [row[0] for row in self._execute("select_standing").fetchall()]

    def _fold(self, full: bool) -> Folded:
        if self.follows_clock and not full:
            self._require_clock()
        return self.runner.fold(full=full)

    def _require_clock(self) -> None:
        """By an earlier clock the figures of later dates would vanish from what is published."""
        row = self._execute("select_last_fold", {"run_id": self.summary.run_id}).fetchone()
        now = datetime.now(UTC)
        if row and row[0] > now + CLOCK_STEP:
            raise WarehouseError(
                f"The clock of this machine says {now:%Y-%m-%d %H:%M} UTC, but cases were folded at "
                f"{row[0].astimezone(UTC):%Y-%m-%d %H:%M} UTC by it: it was set back. Nothing was changed.",
                remedy="Set it right and run again. If it is right now and was wrong then, "
                "`gridrates run --full` makes everything anew by it.",
            )

    def _check(self, suite: str, dates: Sequence[date] | None) -> GateResult:
        result = check(
            self.connection,
            suite=suite,
            run_id=self.summary.run_id,
            dates=dates,
            declarations=TRANSFORMS,
            additions=_additions(self.settings),
            as_of_date=self.runner.as_of_date,
            docs=self.docs,
        )
        if not result.passed:
            result.raise_for_failure()
        return result

    def _hold_back(self, dates: Sequence[date]) -> dict[date, list[str]]:
        failed: dict[date, list[str]] = {}
        for suite in ("core", "marts"):
            for day, rules in self._check(suite, dates).held_back.items():
                failed[day] = [*failed.get(day, ()), *rules]
        self._execute("mark_held_back")
        return failed | self._standing()[1]

    def _standing(self) -> tuple[list[date], dict[date, list[str]]]:
        """The dates whose figures stand, and those held back with the rules that do so."""
        rows = self._execute("select_standing").fetchall()
        held = {
            day: (reason or "held back").split("; ") for day, state, reason in rows if state == "held_back"
        }
        return [day for day, *_ in rows if day not in held], held

    def _publish(self) -> Publication:
        covered, held = self._standing()
        self.summary.held_back = held
        self._release()
        publication = publish_generation(
            self.connection,
            self.settings,
            public_tables(),
            run_id=self.summary.run_id,
            covered=covered,
            held_back=held,
        )
        self._execute("mark_published", {"generation": publication.generation})
        return publication

    def _release(self) -> None:
        """Put what is about to be published on record, and what it restates."""
        dates = [row[0] for row in self._execute("select_computed_dates").fetchall()]
        self.connection.begin()
        try:
            self.summary.restated = release(
                self.connection, dates, as_of_date=self.runner.as_of_date, now=datetime.now(UTC)
            )
        except BaseException:
            self.connection.rollback()
            raise
        self.connection.commit()

    def _stage(self, name: str, work: Callable[[], T], count: Callable[[T], int]) -> T:
        self.watch(name)
        started, clock = datetime.now(UTC), perf_counter()
        try:
            with self.lineage.stage(name) as flows:
                result = work()
                if self.lineage.clients:
                    flows += self._flows(name, result)
        except Exception as error:
            # What stopped the stage may keep its note from being written too: then the note is lost.
            with suppress(duckdb.Error, OSError):
                self._note(name, started, "failed", None, _reason(error))
            raise
        self.summary.seconds[name] = perf_counter() - clock
        self._note(name, started, "succeeded", count(result), None)
        return result

    def _flows(self, stage: str, result: Any) -> list[Flow]:
        """What a stage that ended well read and wrote."""
        match stage:
            case "land":
                return of_landing(self.settings)
            case "fold" | "compute":
                models = load_models(self.profile, as_of=self.runner.as_of, as_of_date=self.runner.as_of_date)
                return of_models(models, result.seconds)
            case "publish":
                return of_publication()
        return []

    def _note(self, stage: str, started: datetime, state: str, rows: int | None, detail: str | None) -> None:
        values = {
            "run_id": self.summary.run_id,
            "stage": stage,
            "started_at": started,
            "ended_at": datetime.now(UTC),
            "state": state,
            "row_count": rows,
            "detail": detail,
            "program_version": __version__,
        }
        before = statefile.succeeded_at(statefile.read(self.settings), stage)
        succeeded_at = values["ended_at"] if state == "succeeded" else before
        statefile.write(self.settings, stage, values | {"succeeded_at": succeeded_at})
        self._execute("insert_pipeline_run", values)

    def _execute(self, name: str, parameters: dict[str, Any] | None = None) -> duckdb.DuckDBPyConnection:
        return self.connection.execute((SQL / f"{name}.sql").read_text(encoding="utf-8"), parameters)


@contextmanager
def open_pass(
    settings: Settings, command: str, *, now: datetime | None = None, watch: Watch = lambda _: None
) -> Iterator[Pass]:
    """A pass over the live file, which is open and locked meanwhile. Raises what opening it raises."""
    # A new file is claimed for the profile when it is opened: not for one that is mistyped.
    profile = load_profile(settings.profile)
    with open_live(settings, command=command) as connection:
        yield Pass(settings, connection, profile, now=now, watch=watch)


def prepare(settings: Settings) -> None:
    """Parse the models and the rules of the profile, kept for passes of this process and its children."""
    now = datetime.now(UTC)
    load_models(load_profile(settings.profile), as_of=now, as_of_date=now.date())
    warm_up_gate(declarations=TRANSFORMS, additions=_additions(settings))


def _additions(settings: Settings) -> Path:
    """The rules of the profile; the file may be absent."""
    return folder_of(settings.profile) / "expectations.yaml"


def run(
    settings: Settings,
    *,
    full: bool = False,
    now: datetime | None = None,
    watch: Watch = lambda _: None,
) -> PassSummary:
    """All stages. Raises GateError at the end when dates were held back: the others are published by then."""
    with open_pass(settings, "gridrates run", now=now, watch=watch) as this:
        summary = this.summary
        summary.landing = this.land()
        this.check_raw()
        folded = this.fold(full=full)
        summary.folded_cases, summary.is_full = folded.cases, folded.is_full
        dates = this.due_dates()
        summary.computed = this.compute(dates).dates
        this.check_marts(dates)
        summary.publication = this.publish()
    return summary


def land(settings: Settings) -> LandingSummary:
    """Stage 1 by itself."""
    with open_pass(settings, "land") as this:
        return this.land()


def transform(settings: Settings, dates: Sequence[str] = ()) -> list[str]:
    """Stages 2 to 4: compute the dates given, else all that are due; returns those computed.

    Raises GateError when the ledger of what was landed is broken.
    """
    with open_pass(settings, "transform") as this:
        this.check_raw()
        this.fold()
        return [str(day) for day in this.compute(_dates(dates) or this.due_dates()).dates]


def check_marts(settings: Settings, dates: Sequence[str]) -> list[str]:
    """Stage 5 by itself; returns the dates that passed."""
    with open_pass(settings, "check marts") as this:
        wanted = _dates(dates)
        held = this.check_marts(wanted)
        return [str(day) for day in wanted if day not in held]


def publish(settings: Settings, dates: Sequence[str]) -> list[str]:
    """Stage 6 by itself; returns those of `dates` that the new generation holds fresh."""
    with open_pass(settings, "publish") as this:
        this.publish()
        return [day for day in dates if date.fromisoformat(day) not in this.summary.held_back]


def check_health(settings: Settings, *, now: datetime | None = None) -> list[Finding]:
    """Measure the pipeline itself; keep the figures, and note them for `gridrates status`."""
    moment = now or datetime.now(UTC)
    with open_pass(settings, "health", now=now) as this:
        findings = measure(settings, this.connection, now=moment)
        record(this.connection, findings, now=moment)
    statefile.write(settings, "health", {"findings": [finding.as_dict() for finding in findings]})
    return findings


def watch_health(settings: Settings) -> list[Finding]:
    """Measure the pipeline itself, and tell people what is beyond its limit and what is no longer."""
    findings = check_health(settings)
    tell(settings, findings)
    return findings


def is_published(settings: Settings, day: str) -> bool:
    """Whether the published file holds the date, and not only from an earlier time. Opens nothing else."""
    try:
        with open_published(settings) as connection:
            statement = (SQL / "is_published.sql").read_text(encoding="utf-8")
            row = connection.execute(statement, {"day": day}).fetchone()
    except WarehouseError:
        return False
    return bool(row and row[0])


def _reason(error: Exception) -> str:
    """Why a stage ended, for people."""
    return str(error) if isinstance(error, GridratesError) else f"{type(error).__name__}: {error}"


def _dates(dates: Sequence[str]) -> list[date]:
    return [date.fromisoformat(day) for day in dates]


def raise_for_held_back(held_back: Mapping[date, Sequence[str]]) -> None:
    """Raise GateError when there are dates that rules keep from passing."""
    if held_back:
        days = sorted(held_back)
        said = f"{len(days)} business dates ({days[0]} to {days[-1]})"
        if len(days) == 1:
            said = f"The business date {days[0]}"
        rules = sorted({rule for found in held_back.values() for rule in found})
        raise GateError(
            f"{said} did not pass the gate: {'; '.join(rules)}.",
            remedy="`gridrates held list` says what to do, and names the rows.",
        )
