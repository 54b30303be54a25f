"""What a figure is made of: as much as is published, for days and periods, places and other dimensions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner, Result

from gridrates.cli import app
from gridrates.errors import InputError
from gridrates.explain import DIMENSIONS, Explanation, explain_figure
from gridrates.pipeline import open_pass
from gridrates.profile import load_profile
from gridrates.published_client import open_published
from gridrates.published_rates import TOTAL_NODE, check_covered, read_rates
from gridrates.settings import Settings
from tests.events import insert_events
from tests.published_street import NOW, course, events, make_settings, publish_street

LONG = "E04012026063000025"
DAY = date(2026, 5, 2)
INDICATORS = ("closure_rate", "sign_on_time_rate", "satisfaction_rate", "filing_accuracy_rate")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = make_settings(tmp_path_factory.mktemp("street"))
    steps = {"filed": "08:00", "dispatched": "08:05", "signed": "08:10", "handled": "09:00"}
    publish_street(settings, [*events(), *course(LONG, "E1", "2026-05-01", **steps)])
    return settings


@pytest.fixture
def published(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_published(settings) as connection:
        yield connection


def explained(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    code: str = "closure_rate",
    first: date = DAY,
    last: date = DAY,
    place: str = "total",
    work_type: str = "all",
    level: str | None = None,
) -> Explanation:
    profile = load_profile(settings.profile)
    return explain_figure(
        connection, profile, code, first=first, last=last, place=place, work_type=work_type, level=level
    )


@pytest.mark.parametrize("indicator", INDICATORS)
def test_every_published_month_is_explained_in_full(
    settings: Settings, published: duckdb.DuckDBPyConnection, indicator: str
) -> None:
    names = published.execute(
        "SELECT numerator, denominator FROM indicators WHERE indicator_code = ?", [indicator]
    ).fetchone()
    assert names
    rows = published.execute(
        f"SELECT level, code, work_type, period_start, period_end, {', '.join(names)} FROM period_rates "
        f"WHERE period_type = 'month' AND {names[1]} > 0"
    ).fetchall()
    assert {"total", "community", "unit", "channel", "operator"} <= {level for level, *_ in rows}
    for level, place, work_type, first, last, numerator, denominator in rows:
        found = explained(published, settings, indicator, first, last, place, work_type, level)
        assert (found.numerator, found.denominator) == (numerator, denominator), (level, place)


def test_a_day_counts_only_what_was_done_on_it(
    settings: Settings, published: duckdb.DuckDBPyConnection
) -> None:
    # The case was handled on the first and is not closed to this day.
    (open_case,) = [
        member
        for member in explained(published, settings, first=date(2026, 5, 1), last=date(2026, 5, 1)).members
        if not member.is_in_numerator
    ]
    assert open_case.case_id == LONG


def test_a_node_is_found_by_its_name(settings: Settings, published: duckdb.DuckDBPyConnection) -> None:
    assert explained(published, settings, place="东网格") == explained(published, settings, place="E")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"code": "closre_rate"}, "no indicator 'closre_rate'. Did you mean closure_rate"),
        ({"place": "X"}, "no grid 'X'"),
        ({"work_type": "nope"}, "no kind of work 'nope'"),
        ({"first": date(2031, 1, 1), "last": date(2031, 1, 1)}, "2031-01-01 is outside what is published"),
        ({"first": date(1990, 1, 1), "last": date(1990, 1, 31)}, "are outside what is published"),
        *[
            ({"place": "X", "level": name}, f"No published figure is of the {name} 'X'")
            for name in DIMENSIONS
        ],
    ],
)
def test_what_there_is_not_is_said(
    settings: Settings, published: duckdb.DuckDBPyConnection, wrong: dict, message: str
) -> None:
    with pytest.raises(InputError) as error:
        explained(published, settings, **wrong)
    assert message in f"{error.value.message} {error.value.remedy}"


def run(settings: Settings, *arguments: str) -> Result:
    options = ["--home", str(settings.home), "--profile", settings.profile]
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, [*options, *arguments])


def test_the_number_of_a_case_is_never_cut_short(settings: Settings) -> None:
    shown = run(settings, "explain", "closure_rate", "--date", "2026-05-01").stdout
    assert LONG in shown
    assert "来源 source" in shown


def test_a_task_is_shown_with_its_own_dates_and_those_of_its_case(settings: Settings) -> None:
    shown = run(settings, "explain", "sign_rate", "--date", "2026-05-01", "--code", "W").stdout
    (line,) = (line for line in shown.splitlines() if "W0" in line and "✓" in line)
    # Signed for on the first, while the case fell due on the second and was never finished.
    assert re.findall(r"[-0-9]{10}", line) == ["2026-05-01", "2026-05-01", "2026-05-02"]


def test_machines_get_names_and_not_how_python_writes_them(settings: Settings) -> None:
    span = ("--from", "2026-05-01", "--to", "2026-05-31", "--level", "unit", "--code", "U1")
    found = json.loads(run(settings, "explain", "closure_rate", *span, "--json").stdout)
    members = found.pop("members")
    assert len(members) == found["denominator"]
    assert (
        found.items()
        >= {
            "indicator": "closure_rate",
            "name_en": "Closure rate",
            "first_date": "2026-05-01",
            "last_date": "2026-05-31",
            "level": "unit",
            "code": "U1",
            "work_type": "all",
        }.items()
    )


@pytest.mark.parametrize(
    "arguments", [("rates", "--date"), ("explain", "closure_rate", "--date"), ("report", "--date")]
)
def test_a_date_that_nothing_is_known_of_is_no_date_without_cases(
    settings: Settings, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    out = ("--out", str(tmp_path / "reports")) if arguments[0] == "report" else ()
    result = run(settings, *arguments, "2031-01-01", *out)
    assert (result.exit_code, result.stdout) == (2, "")
    assert not (tmp_path / "reports").exists()
    # The day of the publication has begun.
    assert run(settings, *arguments, "2026-05-03", *out).exit_code == 0


@pytest.mark.parametrize(
    "dates", [(), ("--from", "2026-05-01"), ("--date", "2026-05-01", "--to", "2026-05-02")]
)
def test_dates_are_one_or_a_first_and_a_last(settings: Settings, dates: tuple[str, ...]) -> None:
    assert run(settings, "explain", "closure_rate", *dates).exit_code == 2


def test_a_business_day_that_has_begun_before_midnight_is_covered() -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            "CREATE TABLE publication AS SELECT DATE '2026-05-01' AS first_date, "
            "TIMESTAMPTZ '2026-05-03 06:00:00Z' AS published_at, 'Asia/Shanghai' AS time_zone"
        )
        connection.execute("CREATE TABLE published_dates AS SELECT DATE '2026-05-02' AS business_date")
        assert check_covered(connection, DAY, DAY) == date(2026, 5, 3)
        connection.execute("INSERT INTO published_dates VALUES ('2026-05-04')")
        tomorrow = date(2026, 5, 4)
        assert check_covered(connection, tomorrow, tomorrow) == tomorrow
        with pytest.raises(InputError, match="outside what is published"):
            check_covered(connection, date(2026, 5, 5), date(2026, 5, 9))


def test_a_date_that_was_only_held_back_is_told(tmp_path: Path) -> None:
    street = make_settings(tmp_path)
    with open_pass(street, "test", now=NOW) as this:
        insert_events(this.connection, events())
        this.fold()
        this.compute(this.due_dates())
        this.connection.execute(
            "UPDATE ops_business_date SET state = 'held_back', reason = 'a_rule' WHERE business_date = ?",
            [DAY],
        )
        this.publish()
    options = ["--home", str(street.home), "--profile", street.profile]
    told = f"* {DAY} 新数据未通过检查，暂缓更新 newer figures are held back: a_rule"
    for command in (["rates"], ["explain", "closure_rate"]):
        asked = CliRunner().invoke(app, [*options, *command, "--date", str(DAY)], env={"COLUMNS": "200"})
        assert told in asked.stdout
        answer = json.loads(
            CliRunner().invoke(app, [*options, *command, "--date", str(DAY), "--json"]).stdout
        )
        assert answer["held_back"] == {str(DAY): "a_rule"}
    with open_published(street) as connection:
        assert {each.held_back_reason for each in read_rates(connection, [TOTAL_NODE], DAY, DAY)} == {
            "a_rule"
        }


def test_of_a_sum_of_points_the_points_are_shown_the_fewest_first(settings: Settings) -> None:
    shown = run(settings, "explain", "satisfaction_rate", "--date", str(DAY)).stdout
    assert "67% = 2 / 3" in shown
    assert "得分 points" in shown
    assert re.findall(r"^ ([01✓✗]) +(E\d)", shown, flags=re.MULTILINE) == [
        ("0", "E2"),
        ("1", "E0"),
        ("1", "E1"),
    ]
