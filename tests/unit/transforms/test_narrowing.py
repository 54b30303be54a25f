"""A late event costs what it changes: it is added to the rows it belongs to, and to no other."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from tests.derived import AS_OF, bring_up_to_date, derive, profile
from tests.events import event, insert_events
from transforms.narrowing import narrowed, real
from transforms.runner import Runner

CHOSEN = profile(limits=[{"amount": 24, "unit": "hour"}])
UNITS, ZONE = ("u1", "u2"), "Asia/Shanghai"
PLANTED = 987


@pytest.fixture
def settled() -> duckdb.DuckDBPyConnection:
    """A case of each of two units, filed and closed on the same day, everything computed."""
    made = [
        event(unit, verb, f"2026-05-04 {hour}:00", ZONE, unit_code=unit)
        for unit in UNITS
        for verb, hour in (("filed", "08"), ("closed", "12"))
    ]
    return derive(made, CHOSEN)


def plant(connection: duckdb.DuckDBPyConnection, table: str, where: str) -> None:
    """A figure that a row keeps unless it is made from its counts, and that grows when something is added."""
    connection.execute(f"UPDATE {table} SET visited_count = {PLANTED} WHERE {where}")


def planted(connection: duckdb.DuckDBPyConnection, table: str, columns: str) -> set[tuple[str, ...]]:
    return set(
        connection.execute(f"SELECT {columns} FROM {table} WHERE visited_count = {PLANTED}").fetchall()
    )


def visit(connection: duckdb.DuckDBPyConnection, case: str) -> None:
    insert_events(
        connection, [event(case, "visited", "2026-05-04 20:00", ZONE, satisfaction="satisfied")], batch_id=2
    )
    bring_up_to_date(connection, CHOSEN)


def test_what_changed_is_added_to_the_rows_of_changed_members_alone(
    settled: duckdb.DuckDBPyConnection,
) -> None:
    plant(settled, "out_unit_daily_rates", "work_type = 'all'")
    plant(settled, "out_period_rates", "work_type = 'all' AND level IN ('unit', 'total')")
    visit(settled, "u1")
    assert planted(settled, "out_unit_daily_rates", "unit_code") == {("u2",)}
    assert planted(settled, "out_period_rates", "level, code") == {("unit", "u2")}
    right = settled.execute(
        "SELECT visited_count FROM out_unit_daily_rates WHERE unit_code = 'u1' AND work_type = 'all' "
        "AND business_date = DATE '2026-05-04'"
    ).fetchall()
    assert right == [(PLANTED + 1,)]


def test_a_date_that_is_asked_for_is_made_from_all_of_its_counts(settled: duckdb.DuckDBPyConnection) -> None:
    plant(settled, "out_unit_daily_rates", "TRUE")
    before = settled.execute("FROM out_period_rates ORDER BY ALL").fetchall()
    Runner(settled, CHOSEN, AS_OF).compute([date(2026, 5, 4)])
    assert planted(settled, "out_unit_daily_rates", "unit_code") == set()
    assert settled.execute("FROM out_period_rates ORDER BY ALL").fetchall() == before


def test_an_event_that_changes_no_count_makes_its_dates_stale_and_no_row_new(
    settled: duckdb.DuckDBPyConnection,
) -> None:
    plant(settled, "out_unit_daily_rates", "work_type = 'all'")
    before = settled.execute("SELECT max(computed_at) FROM ops_business_date").fetchone()
    insert_events(
        settled, [event("u1", "verified", "2026-05-04 07:00", ZONE, outcome="confirmed")], batch_id=2
    )
    bring_up_to_date(settled, CHOSEN)
    assert ("u2",) in planted(settled, "out_unit_daily_rates", "unit_code")
    assert settled.execute("SELECT max(computed_at) FROM ops_business_date").fetchone() != before
    assert settled.execute("SELECT count(*) FROM ops_pending_cell").fetchone() == (0,)


def test_a_case_that_moves_leaves_nothing_behind(settled: duckdb.DuckDBPyConnection) -> None:
    """All a unit had is another's now: the unit has no rows, as if it never had any."""
    insert_events(settled, [event("u1", "accepted", "2026-05-04 13:00", ZONE, unit_code="u2")], batch_id=2)
    bring_up_to_date(settled, CHOSEN)
    for table in ("core_daily_cohort", "core_period_cohort"):
        left = settled.execute(f"SELECT count(*) FROM {table} WHERE member_code = 'u1'").fetchone()
        assert left == (0,), table
    assert settled.execute("SELECT DISTINCT unit_code FROM out_unit_daily_rates").fetchall() == [("u2",)]
    assert settled.execute("SELECT count(*) FROM out_period_rates WHERE code = 'u1'").fetchone() == (0,)


def test_a_part_stands_before_the_whole_and_goes_again() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE numbers AS SELECT unnest([1, 2, 3]) AS n")
        with narrowed(connection, {"numbers": f"SELECT * FROM {real(connection, 'numbers')} WHERE n > 2"}):
            assert connection.execute("FROM numbers").fetchall() == [(3,)]
            assert connection.execute(f"SELECT count(*) FROM {real(connection, 'numbers')}").fetchone() == (
                3,
            )
        assert connection.execute("SELECT count(*) FROM numbers").fetchone() == (3,)


def test_what_fails_inside_leaves_no_part_behind() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE numbers AS SELECT 1 AS n")
        connection.execute("BEGIN")
        with (
            pytest.raises(duckdb.CatalogException),
            narrowed(connection, {"numbers": "SELECT 2 AS n"}),
        ):
            connection.execute("FROM nowhere")
        connection.execute("ROLLBACK")
        assert connection.execute("FROM numbers").fetchall() == [(1,)]
