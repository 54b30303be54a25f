"""The main job on real input: Boston's 58,251 service requests of the second half of 2011, through Kafka."""

from __future__ import annotations

import csv
import gzip
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from multiprocessing.synchronize import Event as Flag
from pathlib import Path
from typing import Any

import duckdb
import pytest

from deploy import local_kafka
from gridrates import pipeline
from gridrates.explain import explain_case, explain_figure
from gridrates.pipeline import PassSummary
from gridrates.profile import folder_of, load_profile
from gridrates.published_client import open_published
from gridrates.settings import Settings
from producers.csv_export.sending import send_exports
from producers.mapping import load_mapping

# Rates stand for every table analysts get figures from.
FIGURES = ("cases", "case_events", "daily_rates", "unit_daily_rates", "category_daily_rates")


@dataclass(frozen=True)
class Request:
    """One row of the export, as the city means it."""

    case_id: str
    department: str
    neighborhood: str
    opened: datetime
    target: datetime | None
    closed: datetime | None
    flag: str

    @property
    def is_on_time(self) -> bool:
        """The city's rule: closed by the target, or without a target."""
        return self.closed is not None and (self.target is None or self.closed <= self.target)

    @property
    def due_on(self) -> date | None:
        """Closed, or the target passed, whichever came first."""
        ends = [moment for moment in (self.closed, self.target) if moment]
        return min(ends).date() if ends else None


@dataclass(frozen=True)
class Job:
    """The main job done: imported, run, imported again, run again, while somebody kept reading."""

    settings: Settings
    first: PassSummary
    second: PassSummary
    readings: list[tuple[int, int, int]]
    reader_errors: list[str]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the published file."""
        with duckdb.connect(str(self.settings.current_path.resolve()), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def differences(self, table: str) -> int:
        """Rows of a table that only one of the two generations has."""
        first, second = (self._file(done) for done in (self.first, self.second))
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH '{first}' AS a (READ_ONLY); ATTACH '{second}' AS b (READ_ONLY)")
            sql = "SELECT count(*) FROM (FROM {0}.{2} EXCEPT ALL FROM {1}.{2})"
            both = [connection.execute(sql.format(*pair, table)).fetchall()[0][0] for pair in ("ab", "ba")]
            return sum(both)

    def _file(self, done: PassSummary) -> Path:
        assert done.publication
        return done.publication.path


@pytest.fixture(scope="module")
def job(
    tmp_path_factory: pytest.TempPathFactory, boston_csv: Path, broker: local_kafka.Broker
) -> Iterator[Job]:
    settings = Settings(
        home=tmp_path_factory.mktemp("boston"),
        profile="boston-311",
        kafka_bootstrap_servers=broker.bootstrap_servers,
        topic=f"boston-{time.time_ns()}",
    )
    _produce(settings, boston_csv)
    first = pipeline.run(settings)
    with _reader(settings) as (readings, errors):
        _produce(settings, boston_csv)
        second = pipeline.run(settings)
    yield Job(settings, first, second, list(readings), list(errors))


@pytest.fixture(scope="module")
def requests(boston_csv: Path) -> list[Request]:
    """The export, read without any code of the project."""
    with gzip.open(boston_csv, "rt", encoding="utf-8", newline="") as file:
        return [
            Request(
                row["case_enquiry_id"],
                row["department"].strip(),
                row["neighborhood"].strip(),
                datetime.fromisoformat(row["open_dt"]),
                _time(row["target_dt"]),
                _time(row["closed_dt"]),
                row["ontime"],
            )
            for row in csv.DictReader(file)
        ]


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text.strip() else None


def _produce(settings: Settings, export: Path) -> None:
    rules = load_mapping(
        folder_of(settings.profile) / "mapping.yaml", time_zone=load_profile(settings.profile).time_zone
    )
    sent = send_exports(settings, [export], rules)
    assert sent.failure is None and not sent.refused
    assert (sent.summary.rows, sent.summary.rejected, sent.summary.event_count) == (58_251, 0, 171_072)


@contextmanager
def _reader(settings: Settings) -> Iterator[tuple[list[tuple[int, int, int]], list[str]]]:
    """A second process that opens the published file again and again while the body runs."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        readings, errors = manager.list(), manager.list()
        stop = context.Event()
        process = context.Process(
            target=_read, args=(str(settings.current_path), stop, readings, errors), daemon=True
        )
        process.start()
        found: tuple[list[Any], list[str]] = ([], [])
        try:
            yield found
        finally:
            stop.set()
            process.join(60)
            found[0].extend(readings)
            found[1].extend(errors)


def _read(current: str, stop: Flag, readings: list[tuple[int, int, int]], errors: list[str]) -> None:
    """Note (generation, cases, sum of cases closed by the daily rates) as one connection sees them."""
    sql = """
        SELECT
          (SELECT generation FROM publication),
          (SELECT count(*) FROM cases),
          (SELECT sum(closed_count) FROM daily_rates WHERE level = 'total' AND work_type = 'all')
    """
    is_over = False
    while not is_over:
        is_over = stop.is_set()  # looked at first: the last reading begins after the last publication
        try:
            with duckdb.connect(str(Path(current).resolve()), read_only=True) as connection:
                row = connection.execute(sql).fetchone()
            if not readings or readings[-1] != row:
                readings.append(row)
        except Exception as error:
            errors.append(repr(error))
        time.sleep(0.02)


def test_every_case_arrives_and_its_closing(job: Job) -> None:
    assert job.query("SELECT count(*), count(closed_at), count(*) FILTER (is_on_time) FROM cases") == [
        (58_251, 54_570, 46_340)
    ]


def test_on_time_is_what_the_city_says_for_every_closed_case_with_a_flag(
    job: Job, requests: list[Request]
) -> None:
    judged = dict(job.query("SELECT case_id, is_on_time FROM cases WHERE closed_at IS NOT NULL"))
    flagged = {r.case_id: r.flag == "ONTIME" for r in requests if r.closed and r.flag}
    assert len(flagged) > 54_000
    assert {case: judged[case] for case in flagged} == flagged


def test_closings_by_day_agree_with_the_export(job: Job, requests: list[Request]) -> None:
    closed = Counter(r.closed.date() for r in requests if r.closed)
    on_time = Counter(r.closed.date() for r in requests if r.closed and r.is_on_time)
    found = job.query(
        "SELECT business_date, closed_count, closed_on_time_count FROM daily_rates "
        "WHERE level = 'total' AND work_type = 'all' AND closed_count > 0"
    )
    assert {day: (count, good) for day, count, good in found} == {
        day: (count, on_time[day]) for day, count in closed.items()
    }


def test_rates_by_department_and_day_agree_with_the_export(job: Job, requests: list[Request]) -> None:
    due: Counter[tuple[date, str]] = Counter()
    done: Counter[tuple[date, str]] = Counter()
    good: Counter[tuple[date, str]] = Counter()
    for request in requests:
        if request.due_on:
            key = request.due_on, request.department
            due[key] += 1
            done[key] += request.closed is not None and request.closed.date() <= request.due_on
            good[key] += request.is_on_time
    found = job.query(
        "SELECT business_date, unit_code, closure_due_count, closure_rate, closure_on_time_rate "
        "FROM unit_daily_rates WHERE work_type = 'all' AND closure_due_count > 0"
    )
    assert {(day, unit): (count, rate, timely) for day, unit, count, rate, timely in found} == {
        key: (due[key], done[key] / due[key], good[key] / due[key]) for key in due
    }


def test_what_was_never_reported_has_no_rate(job: Job) -> None:
    assert job.query(
        "SELECT DISTINCT sign_due_count, sign_rate, satisfaction_due_count, satisfaction_rate "
        "FROM daily_rates"
    ) == [(0, None, 0, None)]


def test_importing_and_running_twice_changes_nothing(job: Job) -> None:
    assert job.second.landing
    assert (job.second.landing.landed, job.second.landing.duplicates) == (0, 171_072)
    assert (job.second.folded_cases, job.second.restated) == (0, 0)
    assert {table: job.differences(table) for table in FIGURES} == dict.fromkeys(FIGURES, 0)
    assert job.query("SELECT count(*) FROM case_events") == [(171_072,)]


def test_a_reader_sees_whole_generations_only(job: Job) -> None:
    assert job.first.publication and job.second.publication
    assert job.reader_errors == []
    assert [generation for generation, *_ in job.readings] == [
        job.first.publication.generation,
        job.second.publication.generation,
    ]
    assert {(cases, closed) for _, cases, closed in job.readings} == {(58_251, 54_570)}


def test_a_figure_is_explained_by_exactly_the_cases_it_counts(job: Job, requests: list[Request]) -> None:
    day = date(2011, 8, 1)
    with open_published(job.settings) as connection:
        found = explain_figure(
            connection,
            load_profile("boston-311"),
            "closure_on_time_rate",
            first=day,
            last=day,
            place="total",
            work_type="all",
        )
    due = {r.case_id for r in requests if r.due_on == day}
    assert {member.case_id for member in found.members} == due
    assert {m.case_id for m in found.members if m.is_in_numerator} == {
        r.case_id for r in requests if r.due_on == day and r.is_on_time
    }
    assert job.query(
        f"SELECT closure_on_time_rate FROM daily_rates WHERE business_date = '{day}' "
        "AND level = 'total' AND work_type = 'all'"
    ) == [(found.value,)]


def test_a_case_is_explained_by_where_it_counts(job: Job, requests: list[Request]) -> None:
    case = next(r for r in requests if r.closed and r.target and r.is_on_time)
    with open_published(job.settings) as connection:
        rows = explain_case(connection, load_profile("boston-311"), case.case_id)
    cohorts = {cohort: due_on for cohort, _, _, due_on, *_ in rows}
    assert cohorts["reported"] == str(case.opened.date())
    assert cohorts["closure"] == str(case.due_on)
