"""What a check is limited to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

import duckdb
import pytest

from expectations.rendering import Circumstances, own_sql
from expectations.scope import narrow, table_columns
from expectations.suites import TableSuite

MAY = [date(2026, 5, day) for day in range(1, 6)]


@pytest.fixture
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE out_rates AS SELECT DATE '2026-05-01' + range::INT AS business_date FROM range(5)"
        )
        connection.execute(
            "CREATE TABLE core_case AS SELECT range AS n, DATE '2026-05-01' + range::INT AS reported_on, "
            "DATE '2026-05-02' + range::INT AS closed_on, DATE '2026-05-01' AS valid_from FROM range(5)"
        )
        connection.execute(
            "CREATE TABLE out_period AS FROM (VALUES (DATE '2026-05-01', DATE '2026-05-03'), "
            "(DATE '2026-05-04', DATE '2026-05-31')) AS t (starts, ends)"
        )
        connection.execute("CREATE TABLE raw_event AS SELECT range AS batch_id FROM range(5)")
        connection.execute("CREATE TABLE core_unit (unit_code VARCHAR)")
        with connection.cursor() as own:
            yield own


def suite(table: str, **more: object) -> TableSuite:
    return TableSuite(table, ("n",), None, (), **more)  # type: ignore[arg-type]


SUITES = (
    suite("out_rates"),
    suite("core_case"),
    suite("out_period", span=("starts", "ends")),
    suite("raw_event"),
    suite("core_unit"),
)


def limited(
    cursor: duckdb.DuckDBPyConnection, dates: Sequence[date] | None, after_batch: int | None = None
) -> frozenset[str]:
    around = Circumstances("memory", table_columns(cursor), {}, MAY[0], datetime(2026, 5, 9, tzinfo=UTC))
    return narrow(cursor, SUITES, around, dates=dates, after_batch=after_batch)


def rows(cursor: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(cursor.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def test_without_dates_all_of_every_table_is_checked(cursor: duckdb.DuckDBPyConnection) -> None:
    assert limited(cursor, None) == frozenset()
    assert (rows(cursor, "out_rates"), rows(cursor, "core_case"), rows(cursor, "raw_event")) == (5, 5, 5)


def test_rows_that_count_on_a_checked_date_by_any_of_their_dates(cursor: duckdb.DuckDBPyConnection) -> None:
    assert limited(cursor, [MAY[1]]) == {"out_rates", "core_case", "out_period"}
    assert rows(cursor, "out_rates") == 1
    assert cursor.execute("SELECT n FROM core_case ORDER BY n").fetchall() == [(0,), (1,)]


def test_a_period_is_checked_when_it_holds_a_checked_date(cursor: duckdb.DuckDBPyConnection) -> None:
    limited(cursor, [MAY[0], MAY[1]])
    assert cursor.execute("SELECT starts FROM out_period").fetchall() == [(MAY[0],)]


def test_no_dates_are_no_rows(cursor: duckdb.DuckDBPyConnection) -> None:
    limited(cursor, [])
    assert (rows(cursor, "out_rates"), rows(cursor, "core_case"), rows(cursor, "out_period")) == (0, 0, 0)
    assert rows(cursor, "core_unit") == 0 == rows(cursor, "memory.main.core_unit")


def test_the_raw_layer_is_limited_by_batch(cursor: duckdb.DuckDBPyConnection) -> None:
    assert limited(cursor, None, after_batch=2) == {"raw_event"}
    assert cursor.execute("SELECT batch_id FROM raw_event ORDER BY ALL").fetchall() == [(3,), (4,)]


def test_what_is_hidden_is_still_there(cursor: duckdb.DuckDBPyConnection) -> None:
    limited(cursor, [MAY[1]])
    assert rows(cursor, "memory.main.core_case") == 5


def test_only_the_cursor_that_limits_sees_it(cursor: duckdb.DuckDBPyConnection) -> None:
    limited(cursor, [MAY[1]])
    with cursor.cursor() as other:
        assert rows(other, "core_case") == 5


def test_columns_are_those_of_the_file_not_of_what_hides_them(cursor: duckdb.DuckDBPyConnection) -> None:
    before = table_columns(cursor)
    assert before["core_unit"] == {"unit_code": "VARCHAR"}
    limited(cursor, [MAY[1]])
    assert table_columns(cursor) == before


def test_limits_replace_those_of_an_earlier_check(cursor: duckdb.DuckDBPyConnection) -> None:
    limited(cursor, [MAY[0]])
    limited(cursor, MAY)
    assert rows(cursor, "out_rates") == 5


def test_wrong_rows_spoil_their_checked_dates(cursor: duckdb.DuckDBPyConnection) -> None:
    """A thing without dates spoils everything; one whose dates are not checked spoils nothing now."""
    limited(cursor, [MAY[0], MAY[2]])
    values = (
        "(1, DATE '2026-05-01', DATE '2026-05-03'), (2, DATE '2026-05-02', NULL), "
        "(3, NULL, NULL), (4, DATE '2026-05-03', DATE '2026-05-03')"
    )
    query = f"FROM (VALUES {values}) AS t (n, a, b)"
    given = {"rows_query": query, "key": ("n",), "dates": ("a", "b"), "span": None, "as_of_date": MAY[4]}
    cursor.execute(own_sql("wrong_rows", is_scoped=True, **given))
    found = cursor.execute("SELECT row_key, business_date FROM wrong_row ORDER BY ALL").fetchall()
    assert found == [('{"n":1}', MAY[0]), ('{"n":1}', MAY[2]), ('{"n":3}', None), ('{"n":4}', MAY[2])]
    cursor.execute(own_sql("wrong_rows", is_scoped=False, **given))
    assert ('{"n":2}', MAY[1]) in cursor.execute("SELECT row_key, business_date FROM wrong_row").fetchall()


def test_a_wrong_period_spoils_the_dates_it_holds_until_now(cursor: duckdb.DuckDBPyConnection) -> None:
    limited(cursor, None)
    query = "SELECT * FROM out_period WHERE starts = DATE '2026-05-04'"
    cursor.execute(
        own_sql(
            "wrong_rows",
            rows_query=query,
            key=("starts",),
            dates=(),
            span=("starts", "ends"),
            as_of_date=MAY[4],
            is_scoped=False,
        )
    )
    assert cursor.execute("SELECT business_date FROM wrong_row ORDER BY ALL").fetchall() == [
        (MAY[3],),
        (MAY[4],),
    ]
