"""The runner: folds landed events into facts, and facts into rates, touching only what changed.

Reads `raw_event` and the profile; writes every `core_` and `out_` table, the marks of business dates
(`ops_business_date`), what the rates do not know yet (`ops_pending_cell`) and its own state
(`ops_transform_state`).

Two steps, each one transaction:

1. `fold`: the cases of landing batches not yet folded are folded again from all their events. What they
   count for before and after is subtracted from and added to the daily counts, whole numbers, so that the
   counts are what a full rebuild would give. What changed is kept for the rates, and its dates are marked
   stale; so are dates that have begun since the last fold, for limits pass without an event.
2. `compute`: what changed on the dates given is added to the counts that rates of days and periods are made
   of, and the rates of these rows are made again. The marks of the dates become computed.

A mark that is still there therefore means work that is due, whatever died in between. The models' SQL knows
nothing of this: it runs over all rows in a full rebuild and over those that are due otherwise
(`transforms.narrowing`). A changed profile or model rebuilds everything.
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
from transforms.models import FOLDER, ROOM, Model, declared_models, load_models, render_added
from transforms.narrowing import narrowed, narrowed_view, real
from transforms.reference import load_reference

# How the tables are brought up to date that `compute` makes; `fold` makes the others.
MARTS = ("business_date", "period", "moment")
# Models made of the events of cases; the second are only passed by on the way to the first.
KEPT, PASSING = "case_id", "passing"
RAW, EVENTS, MEMBERS = "raw_event", "core_case_event", "core_cohort_member"
# How many events a full rebuild folds at once, about: a case is some kilobytes until it is folded.
EVENTS_IN_A_PART = 2_000_000
DAILY, PERIODS, RATES = "core_daily_cohort", "core_period_cohort", "out_period_rates"
PENDING = "ops_pending_cell"


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
        self._seconds: dict[str, float] = {}

    def fold(self, *, full: bool = False) -> Folded:
        """Fold what has landed since the last time; everything when `full` or a definition changed."""
        full = full or self._must_rebuild()
        self._seconds = {}
        with self._transaction():
            last_batch = self._one("SELECT coalesce(max(batch_id), 0) FROM raw_event")
            self._sql("touched_date_table")
            cases = self._fold_all() if full else self._fold_touched(last_batch)
            self._sql("mark_stale", as_of=self.as_of_date)
            self._save_state(last_batch)
        return Folded(cases, self.stale_dates(), full, self._seconds)

    def compute(self, dates: Sequence[date]) -> Computed:
        """Make the rates of `dates` again; dates that have not begun are left out."""
        wanted = sorted({d for d in dates if d <= self.as_of_date})
        if not wanted:
            return Computed(())
        self._seconds = {}
        with self._transaction():
            self._sql("stale_date_table")
            self.connection.execute("INSERT INTO stale_date SELECT unnest(?)", [wanted])
            self._sql("whole_date_table")
            if self._is_everything_new():
                self._compute_all()
            else:
                self._compute_changed()
            self._sql("forget_pending_cells")
            self._sql("mark_computed")
        return Computed(tuple(wanted), self._seconds)

    def stale_dates(self) -> tuple[date, ...]:
        """Business dates whose rates are due to be made again."""
        rows = self.connection.execute(_text("select_stale_dates")).fetchall()
        return tuple(row[0] for row in rows)

    # Folding --------------------------------------------------------------------------------------------

    def _fold_all(self) -> int:
        load_reference(self.connection, self.profile)
        self._create_tables()
        for model in self._models("all"):
            self._create(model)
        self._fold_in_parts()
        for model in self._models("view", "change"):
            self._create(model)
        # Its columns are those of the counts.
        self.connection.execute(f"CREATE OR REPLACE TABLE {PENDING} AS FROM {DAILY} LIMIT 0")
        self._sql("insert_all_dates")
        self._sql("insert_whole_dates")
        return self._one("SELECT count(*) FROM core_case")

    def _create(self, model: Model) -> None:
        """Make a table or view anew, of everything."""
        kind = "VIEW" if model.table.replace_by == "view" else "TABLE"
        with self._timed(model):
            self.connection.execute(f"CREATE OR REPLACE {kind} {model.name} AS {model.sql}")

    def _fold_in_parts(self) -> None:
        """Fold the events of all cases, so many cases at a time that memory stays bounded."""
        facts, raw = self._models(KEPT, PASSING), self._real(RAW)
        parts = 1 + self._one(f"SELECT count(*) FROM {raw}") // EVENTS_IN_A_PART
        for part in range(parts):
            chosen = f"SELECT * FROM {raw} WHERE hash(subject_id) % {parts} = {part}"
            with narrowed_view(self.connection, RAW, chosen):
                self._fold_events(facts)
                self._drop_parts(facts)

    def _fold_touched(self, last_batch: int) -> int:
        """Fold the touched cases, and carry what that changes through the counts."""
        self._sql("touched_case_table")
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE cohort_delta AS FROM {DAILY} LIMIT 0")
        cases = self._one("SELECT count(*) FROM touched_case")
        if cases:
            facts, span = self._models(KEPT, PASSING), self._touched_span()
            with narrowed(self.connection, {name: self._touched(name) for name in self._counted()}):
                self._count_cohorts("-")
            for model in self._models(KEPT):
                self.connection.execute(
                    f"DELETE FROM {model.name} WHERE case_id IN (SELECT case_id FROM touched_case)"
                )
            self._sql("touched_event_table", **span)
            with narrowed_view(self.connection, RAW, "FROM touched_event"):
                self._fold_events(facts)
                self._count_cohorts("+")
                self._drop_parts(facts)
        self._sql("insert_begun_dates", as_of=self.as_of_date)
        self._add_to_counts()
        self._sql("insert_pending_cells", as_of=self.as_of_date)
        self._sql("insert_causes", last_batch=last_batch)
        self._sql("complete_periods", as_of=self.as_of_date)
        return cases

    def _touched(self, table: str) -> str:
        """The rows of touched cases."""
        return f"SELECT * FROM {self._real(table)} WHERE case_id IN (SELECT case_id FROM touched_case)"

    def _touched_span(self) -> dict[str, datetime]:
        """From when to when the events of touched cases lie."""
        row = self.connection.execute(_text("select_touched_span")).fetchone()
        assert row is not None
        return {"first_at": row[0], "last_at": row[1]}

    def _counted(self) -> list[str]:
        """The facts that cohorts are made of."""
        (members,) = self._models(MEMBERS)
        return [model.name for model in self._models(KEPT) if model.name in members.needs]

    def _fold_events(self, facts: Sequence[Model]) -> None:
        """Make the facts of the cases `raw_event` is narrowed to; the facts stay narrowed to them."""
        # The events' order needs the ties, and all other facts need the events.
        ties, *others = facts
        self._fold_model(ties)
        with narrowed_view(self.connection, EVENTS, self._models(EVENTS)[0].sql):
            for model in others:
                self._fold_model(model)

    def _drop_parts(self, models: Sequence[Model]) -> None:
        """Let the names of models mean the whole tables again."""
        for model in models:
            self.connection.execute(f"DROP TABLE temp.{model.name}")

    def _fold_model(self, model: Model) -> None:
        """Make facts, and keep them unless passing; they stay there, narrowed, for the models behind."""
        name = model.name
        with self._timed(model):
            self.connection.execute(f"CREATE TEMP TABLE {name} AS {model.sql}")
            if model.table.replace_by == KEPT:
                self.connection.execute(f"INSERT INTO {self._real(name)} BY NAME FROM temp.{name}")

    def _count_cohorts(self, sign: str) -> None:
        """Add what the touched cases count for now to the changes, or take it away."""
        members, daily = self._models(MEMBERS)[0], self._models(DAILY)[0]
        keys = ", ".join(daily.table.grain)
        counts = ", ".join(f"{sign}{count} AS {count}" for count in _counts(daily))
        with narrowed_view(self.connection, MEMBERS, members.sql), self._timed(daily):
            self._sql("insert_touched_dates")
            self.connection.execute(
                f"INSERT INTO cohort_delta BY NAME SELECT {keys}, {counts} FROM ({daily.sql})"
            )

    def _add_to_counts(self) -> None:
        """Add the changes to the counts, and keep those that did not come to nothing as `cohort_change`."""
        model = self._models(DAILY)[0]
        counts, grain = _counts(model), model.table.grain
        self.connection.execute(
            "CREATE OR REPLACE TEMP TABLE cohort_change AS "
            f"SELECT {_sums(grain, counts)} FROM cohort_delta GROUP BY {', '.join(grain)} "
            f"HAVING {_any([f'sum({count})' for count in counts])}"
        )
        same = " AND ".join(f"old.{key} = change.{key}" for key in grain)
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE cohort_total AS SELECT {_sums(grain, counts)} FROM ("
            f"FROM cohort_change UNION ALL BY NAME SELECT old.* FROM {self._real(DAILY)} AS old "
            f"INNER JOIN cohort_change AS change ON {same}) GROUP BY {', '.join(grain)}"
        )
        # Deleted and inserted rather than updated: an update in place is written anew column by column.
        self.connection.execute(
            f"DELETE FROM {self._real(DAILY)} AS old USING cohort_change AS change WHERE {same}"
        )
        self.connection.execute(
            f"INSERT INTO {self._real(DAILY)} BY NAME FROM cohort_total WHERE {_any(counts)}"
        )

    # Computing ------------------------------------------------------------------------------------------

    def _is_everything_new(self) -> bool:
        """Whether all rates there can be are due and none of them was made before."""
        return bool(self._one("SELECT count(*) FROM whole_date WHERE is_new")) and not self._one(
            _text("count_dates_not_new"), as_of=self.as_of_date
        )

    def _compute_all(self) -> None:
        for model in self._models(*MARTS):
            with self._timed(model):
                self.connection.execute(f"CREATE OR REPLACE TABLE {model.name} AS {model.sql}")

    def _compute_changed(self) -> None:
        """Add what changed to the counts of the rates, and make the ranks of changed periods again."""
        self._sql("daily_change_table")
        self._sql("period_change_table")
        daily = self._models("business_date")
        for model in daily:
            self.connection.execute(
                f"DELETE FROM {model.name} WHERE business_date IN (SELECT business_date FROM whole_date)"
            )
        if self._one("SELECT count(*) FROM daily_change"):
            with narrowed(self.connection, {DAILY: "FROM daily_change"}):
                for model in daily:
                    self._add_to_rates(model)
        if self._one("SELECT count(*) FROM period_change"):
            self._compute_periods()
        for model in self._models("moment"):
            with self._timed(model):
                self.connection.execute(f"CREATE OR REPLACE TABLE {model.name} AS {model.sql}")

    def _compute_periods(self) -> None:
        """The same for periods; ranks depend on all members of a period."""
        with (
            narrowed(self.connection, {DAILY: "FROM period_change"}),
            narrowed_view(self.connection, PERIODS, self._models(PERIODS)[0].sql),
        ):
            self._add_to_rates(self._models(RATES)[0])
        self._sql("changed_period_table")
        periods = "(period_type, period_start) IN (SELECT (period_type, period_start) FROM changed_period)"
        with narrowed_view(self.connection, RATES, f"SELECT * FROM {self._real(RATES)} WHERE {periods}"):
            ranked = [model for model in self._models("period") if model.name != RATES]
            for model in ranked:
                self._make_again(model, periods)
            self._drop_parts(ranked)

    def _add_to_rates(self, model: Model) -> None:
        """Add the counts of what changed to those in a mart, and make the rates of these rows again."""
        mart, keys = self._real(model.name), ", ".join(model.table.grain)
        with self._timed(model):
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE rates_change AS {model.sql}")
            self.connection.execute(
                f"CREATE OR REPLACE TEMP TABLE rates_total AS {render_added(self.profile, model, mart)}"
            )
            self.connection.execute(
                f"DELETE FROM {mart} WHERE ({keys}) IN (SELECT ({keys}) FROM rates_change)"
            )
            self.connection.execute(f"INSERT INTO {mart} BY NAME FROM rates_total")

    def _make_again(self, model: Model, changed: str) -> None:
        """Replace the rows for which `changed` holds; they stay there, narrowed, for the models behind."""
        name = model.name
        with self._timed(model):
            self.connection.execute(f"CREATE TEMP TABLE {name} AS {model.sql}")
            self.connection.execute(f"DELETE FROM {self._real(name)} WHERE {changed}")
            self.connection.execute(
                f"INSERT INTO {self._real(name)} BY NAME FROM temp.{name} WHERE {changed}"
            )

    def _real(self, table: str) -> str:
        return real(self.connection, table)

    def _models(self, *wanted: str) -> list[Model]:
        """Models by name or by how they are brought up to date, each behind those it reads."""
        models = load_models(self.profile, as_of=self.as_of, as_of_date=self.as_of_date)
        return [m for m in models if m.name in wanted or m.table.replace_by in wanted]

    @contextmanager
    def _timed(self, model: Model) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self._seconds[model.name] = self._seconds.get(model.name, 0) + time.perf_counter() - started

    def _must_rebuild(self) -> bool:
        """Whether a definition changed, or the statistics moment went back."""
        row = self.connection.execute("SELECT fingerprint, as_of_date FROM ops_transform_state").fetchone()
        return row is None or row[0] != self._fingerprint() or row[1] > self.as_of_date

    def _fingerprint(self) -> str:
        """Of everything the derived tables depend on beside the events."""
        files = sorted([*FOLDER.rglob("*.*"), *ROOM.glob("*.sql*"), *ROOM.glob("*.yaml"), *ROOM.glob("*.py")])
        digest = hashlib.sha256(self.profile.fingerprint.encode())
        for file in files:
            digest.update(file.read_bytes())
        return digest.hexdigest()[:16]

    def _create_tables(self) -> None:
        """Empty facts and marts: a full rebuild fills them like any other run."""
        for model in declared_models():
            if model.table.replace_by == PASSING:
                # An older version kept it.
                self.connection.execute(f"DROP TABLE IF EXISTS {model.name}")
            if model.table.replace_by in (KEPT, *MARTS):
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

    def _one(self, sql: str, **parameters: object) -> int:
        row = self.connection.execute(sql, parameters or None).fetchone()
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


def _counts(model: Model) -> list[str]:
    """The columns of a table of counts that add up."""
    return [column for column in model.columns if column.endswith(("_count", "_sum"))]


def _sums(keys: Sequence[str], counts: Sequence[str]) -> str:
    return ", ".join([*keys, *(f"CAST(sum({count}) AS BIGINT) AS {count}" for count in counts)])


def _any(counts: Sequence[str]) -> str:
    """Whether any count says something."""
    return " OR ".join(f"{count} <> 0" for count in counts)


def _text(name: str) -> str:
    return (Path(__file__).parent / "steps" / f"{name}.sql").read_text(encoding="utf-8")
