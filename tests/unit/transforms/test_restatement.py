"""Late events restate what they touch, and what was published stays on record."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb

from tests.derived import live, profile, rows
from tests.events import event, insert_events
from transforms.restatement import release
from transforms.runner import Runner

CITY = profile(
    limits=[{"amount": 1, "unit": "day"}],
    grids=[{"grid_code": "g1", "level": "grid"}, {"grid_code": "g2", "level": "grid"}],
)
FIRST = [
    event("A", "filed", "2026-05-01 08:00", CITY.time_zone, grid_code="g1"),
    event("A", "closed", "2026-05-01 18:00", CITY.time_zone),
    event("B", "filed", "2026-05-01 09:00", CITY.time_zone, grid_code="g2"),
]
LATE = event("B", "closed", "2026-05-01 20:00", CITY.time_zone)
MORNING = datetime(2026, 5, 4, 2, tzinfo=UTC)


def _pass(connection: duckdb.DuckDBPyConnection, now: datetime) -> int:
    """Fold, compute and release as one pass does."""
    runner = Runner(connection, CITY, now)
    runner.fold()
    dates = runner.compute(runner.stale_dates()).dates
    restated = release(connection, dates, as_of_date=runner.as_of_date, now=now)
    connection.execute("UPDATE ops_business_date SET published_at = ?, state = 'published'", [now])
    return restated


def _history(connection: duckdb.DuckDBPyConnection, code: str, moment: datetime) -> list[dict[str, Any]]:
    return rows(
        connection,
        f"""
        SELECT business_date, closure_due_count AS due, closure_done_count AS done
        FROM out_daily_rates_version
        WHERE code = '{code}' AND work_type = 'all' AND published_at <= '{moment}'
          AND (superseded_at IS NULL OR superseded_at > '{moment}')
        ORDER BY ALL
        """,
    )


def test_what_is_published_first_is_no_restatement() -> None:
    connection = live()
    insert_events(connection, FIRST)
    assert _pass(connection, MORNING) == 0
    assert rows(connection, "FROM out_restatement") == []


def test_a_late_closing_restates_the_dates_it_touches_and_names_its_case() -> None:
    connection = live()
    insert_events(connection, FIRST)
    _pass(connection, MORNING)
    insert_events(connection, [LATE], batch_id=2)
    assert _pass(connection, MORNING + timedelta(hours=1)) > 0
    found = rows(
        connection,
        """
        SELECT
          business_date, code, value_before, value_after, published_at, restated_at, late_event_count,
          case_ids
        FROM out_restatement
        WHERE indicator = 'closure_rate' AND work_type = 'all' ORDER BY ALL
        """,
    )
    said = {"published_at": MORNING, "restated_at": MORNING + timedelta(hours=1)}
    said |= {"late_event_count": 1, "case_ids": ["B"]}
    first, second = date(2026, 5, 1), date(2026, 5, 2)
    assert found == [
        {"business_date": first, "code": "g2", "value_before": None, "value_after": 1.0} | said,
        {"business_date": second, "code": "g2", "value_before": 0.0, "value_after": None} | said,
        {"business_date": second, "code": "total", "value_before": 0.0, "value_after": None} | said,
    ]


def test_what_was_known_then_can_be_read_again() -> None:
    connection = live()
    insert_events(connection, FIRST)
    _pass(connection, MORNING)
    insert_events(connection, [LATE], batch_id=2)
    _pass(connection, MORNING + timedelta(hours=1))
    before, after = MORNING + timedelta(minutes=30), MORNING + timedelta(hours=2)
    first, second = date(2026, 5, 1), date(2026, 5, 2)
    assert _history(connection, "total", before) == [
        {"business_date": first, "due": 1, "done": 1},
        {"business_date": second, "due": 1, "done": 0},
    ]
    assert _history(connection, "total", after) == [{"business_date": first, "due": 2, "done": 2}]
    assert _history(connection, "total", MORNING - timedelta(minutes=1)) == []


def test_the_running_day_changes_without_being_restated() -> None:
    connection = live()
    insert_events(connection, FIRST)
    noon = datetime(2026, 5, 1, 11, tzinfo=UTC)
    _pass(connection, noon)
    insert_events(connection, [LATE], batch_id=2)
    assert _pass(connection, noon + timedelta(hours=2)) == 0
    later = noon + timedelta(days=1)
    insert_events(
        connection, [event("A", "voided", "2026-05-01 19:00", CITY.time_zone, reason="twice")], batch_id=3
    )
    assert _pass(connection, later) == 0, "the date was not final when it was published"


def test_a_pass_that_changes_nothing_begins_no_version() -> None:
    connection = live()
    insert_events(connection, FIRST)
    _pass(connection, MORNING)
    before = rows(connection, "FROM out_daily_rates_version ORDER BY ALL")
    runner = Runner(connection, CITY, MORNING)
    release(connection, runner.compute([date(2026, 5, 1)]).dates, as_of_date=runner.as_of_date, now=MORNING)
    assert rows(connection, "FROM out_daily_rates_version ORDER BY ALL") == before
