"""Every question of docs/query-guide.md has an answer, from six weeks of the demo street.

The street is published three times: without some of its events, with them (which restates the dates they
touch), and with one date held back, a record refused and a warning; so no question comes up empty for want
of something to tell.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from contracts.events import validate
from gridrates.cli import app
from gridrates.pipeline import Pass, open_pass
from gridrates.published_client import open_published
from gridrates.settings import Settings
from tests.events import Row, event, insert_events

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "query-guide.md").read_text(encoding="utf-8")
QUESTIONS = {
    heading.strip(): sql
    for heading, sql in re.findall(r"^##+ (.+?)\n(?:(?!^##).)*?```sql\n(.*?)```", GUIDE, re.M | re.S)
}
EVERY_SQL = re.findall(r"```sql\n(.*?)```", GUIDE, re.S)
NOW = datetime.fromisoformat("2026-02-10T20:00:00+08:00")
COMPOSITE = """
composites:
  both:
    zh: 结案与满意
    en: Closure and satisfaction
    levels: [grid]
    parts:
      - {indicator: closure_rate, weight: 60}
      - {indicator: satisfaction_rate, weight: 40}
"""


def make_profile(folder: Path) -> Path:
    """The demo street, with a composite score of the test's own."""
    profile = folder / "demo-street"
    shutil.copytree(ROOT / "profiles" / "demo-street", profile)
    text = (profile / "profile.yaml").read_text(encoding="utf-8")
    kept = re.sub(r"^composites:\n(?:[ #].*\n)*", "", text, flags=re.M)
    (profile / "profile.yaml").write_text(kept + COMPOSITE, encoding="utf-8")
    return profile


def simulated(profile: Path, file: Path) -> Iterator[Row]:
    """The good events of the first six weeks, each once."""
    arguments = [
        "--profile",
        str(profile),
        "produce",
        "simulate",
        "--until",
        "2026-02-10",
        "--out",
        str(file),
    ]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    seen = set()
    for line in file.read_bytes().splitlines():
        try:
            made = json.loads(line)
            validate(made)
        except ValueError:
            continue
        if made["id"] not in seen:
            seen.add(made["id"])
            yield made


def publish(this: Pass) -> None:
    this.fold()
    this.compute(this.due_dates())
    this.publish()


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_profile(tmp_path_factory.mktemp("guide"))


@pytest.fixture(scope="module")
def events(profile: Path) -> list[Row]:
    """What happened, and three cases of one kind at one place."""
    again = {"category_code": "0110", "category_system": "event-2013-local", "grid_code": "310199001001"}
    days = ("2026-01-05", "2026-01-12", "2026-01-19")
    repeated = [event(f"AGAIN-{day}", "filed", f"{day} 09:00", "Asia/Shanghai", **again) for day in days]
    return [*simulated(profile, profile.parent / "events.jsonl"), *repeated]


@pytest.fixture(scope="module")
def street(profile: Path, events: list[Row]) -> Settings:
    settings = Settings(home=profile.parent / "home", profile=str(profile))
    late = [made for made in events if made["type"].endswith(".closed.v1")][::20]
    with open_pass(settings, "test", now=NOW) as this:
        insert_events(this.connection, [made for made in events if made not in late], batch_id=1)
        publish(this)
        insert_events(this.connection, late, batch_id=2)
        publish(this)
        spoil(this.connection)
        this.publish()
    return settings


def spoil(connection: duckdb.DuckDBPyConnection) -> None:
    """Hold one date back, refuse one record, break one rule."""
    connection.execute(
        "UPDATE ops_business_date SET state = 'held_back', reason = 'out_daily_rates.in_range' "
        "WHERE business_date = DATE '2026-01-20'"
    )
    connection.execute(
        "INSERT INTO raw_rejected_event BY NAME SELECT 1 AS reject_id, 'not_json' AS reason_code, "
        "'cut' AS reason_text, 't' AS kafka_topic, 0 AS kafka_partition, 0 AS kafka_offset, 1 AS batch_id, "
        "now() AS rejected_at"
    )
    connection.execute(
        "INSERT INTO ops_quality_result BY NAME SELECT 'r' AS run_id, now() AS checked_at, 'marts' AS suite, "
        "'out_daily_rates' AS table_name, 'volume' AS rule, 'warning' AS severity, false AS is_passed"
    )


def ask(settings: Settings, sql: str) -> list[Row]:
    with open_published(settings) as connection:
        cursor = connection.execute(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def question(number: int) -> str:
    return next(sql for heading, sql in QUESTIONS.items() if heading.startswith(f"{number}. "))


def test_the_guide_has_its_fifteen_questions_in_two_languages() -> None:
    numbered = [heading for heading in QUESTIONS if re.match(r"\d+\. ", heading)]
    assert [int(heading.partition(".")[0]) for heading in numbered] == list(range(1, 16))
    assert all(re.search(r"[一-鿿]", heading) and "?" in heading for heading in numbered)
    assert set(QUESTIONS.values()) <= set(EVERY_SQL)


@pytest.mark.parametrize("sql", EVERY_SQL, ids=range(1, len(EVERY_SQL) + 1))
def test_every_question_has_an_answer(street, sql: str) -> None:
    assert ask(street, sql)


def test_returned_tasks_are_those_the_events_tell(street, events) -> None:
    """Counted by hand: a return belongs to the last dispatch of its case before it, of January."""
    returned = 0
    dispatched_in: dict[str, str] = {}
    for happened in sorted(events, key=lambda made: datetime.fromisoformat(made["time"])):
        if happened["type"].endswith(".dispatched.v1"):
            dispatched_in[happened["subject"]] = happened["time"][:7]
        elif happened["type"].endswith(".returned.v1"):
            returned += dispatched_in.get(happened["subject"]) == "2026-01"
    answers = ask(street, question(3))
    assert sum(row["returned_count"] for row in answers) == returned > 0
    assert 0 < sum(row["rightly_returned_count"] for row in answers) <= returned
    assert all(row["return_rate"] == row["returned_count"] / row["dispatched_count"] for row in answers)


def test_overdue_cases_are_those_the_overview_counts(street) -> None:
    """The overview is of the statistics moment, and its total leaves out what no total counts."""
    in_total = "work_type IN (SELECT work_type FROM work_types WHERE is_in_total) AND is_in_rates"
    sql = question(4).replace("published_at", f"TIMESTAMPTZ '{NOW.isoformat()}'")
    counted = "SELECT overdue_open_count AS n FROM open_cases WHERE level = 'total' AND work_type = 'all'"
    (total,) = ask(street, counted)
    assert len(ask(street, sql.replace("is_in_rates", in_total))) == total["n"] > 0


def test_late_events_are_told_as_restatements(street) -> None:
    rows = ask(street, question(12))
    assert all(row["value_before"] != row["value_after"] for row in rows)
    assert any(row["case_ids"] for row in rows)


def test_the_rates_as_they_stood_are_the_published_ones(street) -> None:
    (newest, *_) = ask(street, question(13))
    now = ask(
        street,
        "SELECT closure_done_count AS done FROM daily_rates WHERE level = 'total' AND work_type = 'all' "
        f"AND business_date = '{newest['business_date']}'",
    )
    assert newest["closure_done_count"] == now[0]["done"]


def test_ranks_come_with_the_points_they_are_made_of(street) -> None:
    rows = ask(street, question(14))
    assert [row["rank_no"] for row in rows] == sorted(row["rank_no"] for row in rows)
    assert all(len(row["points"]) == 2 and row["points"][0].startswith("closure_rate ") for row in rows)


def test_what_cannot_be_trusted_is_told(street) -> None:
    told = {(row["what"], row["which"]) for row in ask(street, question(15))}
    assert told == {
        ("held back", "2026-01-20"),
        ("rule failed", "out_daily_rates.volume"),
        ("refused", "not_json"),
    }
