"""The runner: folds landed events into facts, and facts into rates, touching only what changed.

Reads `raw_event` and the profile; writes every `core_` and `out_` table, the marks of business dates
(`ops_business_date`) and its own state (`ops_transform_state`).

Two steps, each one transaction:

1. `fold`: the cases of landing batches not yet folded are folded again from all their events; every
   business date on which such a case counted before or counts now is marked stale. Dates that have begun
   since the last fold are marked stale too: limits pass without an event.
2. `compute`: the rates of the dates given are made again from the facts, and their marks become computed.

A mark that is still there therefore means work that is due, whatever died in between. What comes out is the
same as a full rebuild: the same SQL runs, over fewer rows. A changed profile or model rebuilds everything.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from gridrates.profile import Profile
from transforms.models import FOLDER, ROOM, Model, declared_models, load_models
from transforms.reference import load_reference

# How the tables are brought up to date that `compute` makes; `fold` makes the others.
MARTS = ("business_date", "period", "moment")


@dataclass(frozen=True)
class Folded:
    """What `fold` did: cases folded again, dates marked stale, seconds by model."""

    cases: int
    dates: tuple[date, ...]
    is_full: bool
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Computed:
    """What `compute` did: the dates whose rates were made again, seconds by model."""

    dates: tuple[date, ...]
    seconds: dict[str, float] = field(default_factory=dict)


class Runner:
    """Keeps the derived tables of one live file up to date for one profile.

    `as_of` is the statistics moment: no rate is computed for a business date that has not begun by then.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, profile: Profile, as_of: datetime) -> None:
        self.connection = connection
        self.profile = profile
        self.as_of = as_of
        self.as_of_date = business_date(profile, as_of)

    def fold(self, *, full: bool = False) -> Folded:
        """Fold what has landed since the last time; everything when `full` or a definition changed."""
        full = full or self._definition_changed()
        with self._transaction():
            last_batch = self._one("SELECT coalesce(max(batch_id), 0) FROM raw_event")
            cases = self._mark_touched_cases(full)
            self._remember_touched_dates(full)
            kinds = ("case_id", "all", "view") if full else ("case_id",)
            seconds = self._run(self._models(*kinds, full=full)) if full or cases else {}
            if not full:
                self._sql("insert_touched_dates")
                self._sql("insert_causes", last_batch=last_batch)
            dates = self._mark_stale_dates(full)
            self._save_state(last_batch)
        return Folded(cases, dates, full, seconds)

    def compute(self, dates: Sequence[date]) -> Computed:
        """Make the rates of `dates` again; dates that have not begun are left out."""
        wanted = sorted({d for d in dates if d <= self.as_of_date})
        if not wanted:
            return Computed(())
        with self._transaction():
            self._sql("stale_date_table")
            self.connection.execute("INSERT INTO stale_date SELECT unnest(?)", [wanted])
            self._sql("stale_period_table")
            seconds = self._run(self._models(*MARTS, full=False))
            self._sql("mark_computed")
        return Computed(tuple(wanted), seconds)

    def stale_dates(self) -> tuple[date, ...]:
        """Business dates whose rates are due to be made again."""
        rows = self.connection.execute(_text("select_stale_dates")).fetchall()
        return tuple(row[0] for row in rows)

    def _models(self, *kinds: str, full: bool) -> list[tuple[Model, bool]]:
        models = load_models(self.profile, as_of=self.as_of, as_of_date=self.as_of_date, incremental=not full)
        return [(m, full) for m in models if m.table.replace_by in kinds]

    def _run(self, models: list[tuple[Model, bool]]) -> dict[str, float]:
        seconds = {}
        for model, full in models:
            started = time.perf_counter()
            self._replace(model, full)
            seconds[model.name] = time.perf_counter() - started
        return seconds

    def _replace(self, model: Model, full: bool) -> None:
        """Bring one model up to date: names in the statements below are the model's own."""
        name, how = model.name, model.table.replace_by
        if how == "view":
            self.connection.execute(f"CREATE OR REPLACE VIEW {name} AS {model.sql}")
        elif full or how in ("all", "moment"):
            self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS {model.sql}")
        elif how == "period":
            period = "(period_type, period_start)"
            self.connection.execute(
                f"DELETE FROM {name} WHERE {period} IN (SELECT {period} FROM stale_period)"
            )
            self.connection.execute(f"INSERT INTO {name} BY NAME {model.sql}")
        else:
            touched = "touched_case" if how == "case_id" else "stale_date"
            self.connection.execute(f"DELETE FROM {name} WHERE {how} IN (SELECT {how} FROM {touched})")
            self.connection.execute(f"INSERT INTO {name} BY NAME {model.sql}")

    def _definition_changed(self) -> bool:
        row = self.connection.execute("SELECT fingerprint FROM ops_transform_state").fetchone()
        return row is None or row[0] != self._fingerprint()

    def _fingerprint(self) -> str:
        """Of everything the derived tables depend on beside the events."""
        files = sorted([*FOLDER.rglob("*.*"), *ROOM.glob("*.sql*"), *ROOM.glob("*.yaml"), *ROOM.glob("*.py")])
        digest = hashlib.sha256(self.profile.fingerprint.encode())
        for file in files:
            digest.update(file.read_bytes())
        return digest.hexdigest()[:16]

    def _mark_touched_cases(self, full: bool) -> int:
        if full:
            load_reference(self.connection, self.profile)
            self._create_marts()
            return self._one(
                "SELECT count(DISTINCT subject_id) FROM raw_event WHERE event_type LIKE 'gridrates.case.%'"
            )
        self._sql("touched_case_table")
        return self._one("SELECT count(*) FROM touched_case")

    def _remember_touched_dates(self, full: bool) -> None:
        """The dates touched cases count on now, before they are folded again."""
        self._sql("touched_date_table")
        if not full:
            self._sql("insert_touched_dates")

    def _mark_stale_dates(self, full: bool) -> tuple[date, ...]:
        """Mark the dates touched cases count on, before and after, and those begun since."""
        if full:
            self._sql("insert_all_dates")
        else:
            self._sql("insert_begun_dates", as_of=self.as_of_date)
        self._sql("mark_stale", as_of=self.as_of_date)
        return self.stale_dates()

    def _create_marts(self) -> None:
        """Empty marts: a full rebuild fills them by date like any other run."""
        for model in declared_models():
            if model.table.replace_by in MARTS:
                columns = ", ".join(f"{name} {column.type}" for name, column in model.columns.items())
                self.connection.execute(f"CREATE OR REPLACE TABLE {model.name} ({columns})")

    def _save_state(self, last_batch: int) -> None:
        self.connection.execute("DELETE FROM ops_transform_state")
        self.connection.execute(
            "INSERT INTO ops_transform_state VALUES (?, ?, ?, now())",
            [last_batch, self._fingerprint(), self.as_of_date],
        )

    def _sql(self, name: str, **parameters: object) -> None:
        self.connection.execute(_text(name), parameters or None)

    def _one(self, sql: str) -> int:
        row = self.connection.execute(sql).fetchone()
        assert row is not None
        return int(row[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")


def business_date(profile: Profile, moment: datetime) -> date:
    """The business date a moment lies in, by the profile's zone and the hour its day begins."""
    local = moment.astimezone(ZoneInfo(profile.time_zone)).replace(tzinfo=None)
    return (local + timedelta(minutes=profile.business_day.shift_minutes)).date()


def _text(name: str) -> str:
    return (Path(__file__).parent / "steps" / f"{name}.sql").read_text(encoding="utf-8")
