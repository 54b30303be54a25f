"""Every question of docs/query-guide.md has an answer, from six weeks of the demo street."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from gridrates.published_client import open_published
from gridrates.settings import Settings
from tests.events import Row
from tests.six_weeks import NOW, six_weeks

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "query-guide.md").read_text(encoding="utf-8")
QUESTIONS = {
    heading.strip(): sql
    for heading, sql in re.findall(r"^##+ (.+?)\n(?:(?!^##).)*?```sql\n(.*?)```", GUIDE, re.M | re.S)
}
EVERY_SQL = re.findall(r"```sql\n(.*?)```", GUIDE, re.S)


@pytest.fixture(scope="module")
def street() -> Settings:
    return six_weeks().settings


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


def test_the_guide_leads_to_the_query_of_each_system() -> None:
    systems = (ROOT / "docs" / "systems.md").read_text(encoding="utf-8")
    asked = re.findall(r"^\| \[(.+?)\]\(systems\.md#.+?\) \| .+\? \|$", GUIDE, re.M)
    assert asked == re.findall(r"^## (\d+\. .+)$", systems, re.M)
    assert len(asked) == 22


@pytest.mark.parametrize("sql", EVERY_SQL, ids=range(1, len(EVERY_SQL) + 1))
def test_every_question_has_an_answer(street, sql: str) -> None:
    assert ask(street, sql)


def test_returned_tasks_are_those_the_events_tell(street) -> None:
    """Counted by hand: a return belongs to the last dispatch of its case before it, of January."""
    returned = 0
    dispatched_in: dict[str, str] = {}
    for happened in sorted(six_weeks().events, key=lambda made: datetime.fromisoformat(made["time"])):
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
        ("rule failed", "out_daily_rates.in_range"),
        ("rule failed", "out_daily_rates.volume"),
        ("refused", "not_json"),
    }
