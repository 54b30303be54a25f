"""A poisoned date in the middle of thirty, as the reader of the month's report sees it, until it is right."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

import pytest
import yaml

from gridrates.pipeline import open_pass
from gridrates.published_client import open_published
from gridrates.settings import Settings
from reports.scope import parse
from reports.writing import write_report
from tests.events import Row, event, insert_events
from tests.published_street import ZONE, course, make_settings

DAYS = [date(2026, 6, day) for day in range(1, 31)]
POISONED = date(2026, 6, 15)
NOW = datetime.fromisoformat("2026-07-01T09:00:00+08:00")
STEPS = {"filed": "08:00", "dispatched": "08:05", "signed": "08:10", "handled": "10:00", "closed": "11:00"}
RULE = {
    "name": "closed_by_somebody",
    "severity": "critical",
    "zh": "结案的案件有承办单位",
    "en": "A closed case has a responsible unit",
    "remedy": "Send the dispatch that is missing.",
    "where": "closed_at IS NOT NULL AND unit_code IS NULL",
}


def a_pass(settings: Settings, events: Iterable[Row], batch: int) -> dict[date, list[str]]:
    """Land the events, derive, judge and publish; the dates that were held back, with the rules."""
    with open_pass(settings, "test", now=NOW) as this:
        insert_events(this.connection, events, batch_id=batch)
        this.fold()
        dates = this.due_dates()
        this.compute(dates)
        held = this.check_marts(dates)
        this.publish()
        return held


def closed_by_day(settings: Settings) -> dict[date, str]:
    """Closed of due in the whole street on each published date."""
    with open_published(settings) as connection:
        rows = connection.execute(
            "SELECT business_date, closure_done_count || '/' || closure_due_count FROM daily_rates "
            "WHERE level = 'total' AND work_type = 'all'"
        ).fetchall()
    return dict(rows)


def page_of_june(settings: Settings) -> str:
    (path,) = write_report(settings, parse("2026-06"), formats=["html"])
    return path.read_text(encoding="utf-8")


@pytest.mark.full
@pytest.mark.parametrize("is_known", [False, True], ids=["never published", "published before"])
def test_a_poisoned_date_is_told_on_the_page_and_comes_by_itself(tmp_path: Path, is_known: bool) -> None:
    settings = make_settings(tmp_path)
    rules = yaml.safe_dump({"tables": {"core_case": [RULE]}}, allow_unicode=True)
    (Path(settings.profile) / "expectations.yaml").write_text(rules, encoding="utf-8")
    good = [made for day in DAYS for made in course(f"C{day.day}", "E1", str(day), **STEPS)]
    poison = [
        *course("X", "E1", str(POISONED), filed="08:00", closed="11:00"),
        event("X", "handled", f"{POISONED} 10:00", ZONE),
    ]
    if is_known:
        assert a_pass(settings, good, 1) == {}
        good = [made for day in DAYS for made in course(f"D{day.day}", "W", str(day), **STEPS)]
    before = "1/1" if is_known else None
    others = "2/2" if is_known else "1/1"

    assert a_pass(settings, [*good, *poison], 2) == {POISONED: ["core_case.closed_by_somebody"]}
    assert {day: shown for day, shown in closed_by_day(settings).items() if day in DAYS} == (
        {day: others for day in DAYS if day != POISONED} | ({POISONED: before} if before else {})
    )
    page = page_of_june(settings)
    assert str(POISONED) in page.partition("</header>")[0]
    quality = re.sub(r"<[^>]+>", "", page.partition('id="quality"')[2])
    assert f"{POISONED}：" in quality
    assert "结案的案件有承办单位" in quality and "A closed case has a responsible unit" in quality
    assert ("从未发布" in quality) is not is_known

    cure = event("X", "dispatched", f"{POISONED} 08:05", ZONE, unit_code="U1")
    assert a_pass(settings, [cure], 3) == {}
    assert closed_by_day(settings)[POISONED] == ("3/3" if is_known else "2/2")
    assert "未通过检查" not in page_of_june(settings).partition("</header>")[0]
