"""What we assume of Great Expectations on DuckDB, one test each."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from duckdb_engine import ConnectionWrapper
from sqlalchemy.pool import NullPool

from expectations import dialect
from tests.integration.expectations.town import judge


def run_expectations(url: str, options: dict[str, Any], table: str = "core_case") -> list[Any]:
    """Six of Great Expectations' own and two of ours, over one table."""
    import great_expectations as gx

    from expectations.rows import ExpectNoRows, ExpectNoRowsWhere

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_sql("warehouse", connection_string=url, kwargs=options)
    batch = source.add_table_asset(table, table_name=table).add_batch_definition_whole_table("all")
    suite = context.suites.add(
        gx.ExpectationSuite(
            "six",
            expectations=[
                gx.expectations.ExpectColumnValuesToNotBeNull(column="case_id"),
                gx.expectations.ExpectColumnValuesToBeInSet(column="state", value_set=["visited"]),
                gx.expectations.ExpectColumnValuesToBeBetween(column="event_count", min_value=1, max_value=9),
                gx.expectations.ExpectColumnValuesToBeUnique(column="case_id"),
                gx.expectations.ExpectTableRowCountToBeBetween(min_value=1, max_value=10_000),
                gx.expectations.ExpectColumnToExist(column="case_id"),
                ExpectNoRows(query="SELECT * FROM core_case WHERE case_id IS NULL"),
                ExpectNoRowsWhere(where="case_id IS NULL"),
            ],
        )
    )
    validation = context.validation_definitions.add(
        gx.ValidationDefinition(name="v", data=batch, suite=suite)
    )
    return list(validation.run().results)


def test_without_buffering_every_expectation_that_asks_the_database_fails(
    town: duckdb.DuckDBPyConnection,
) -> None:
    """What the dialect is for. When this fails, plain duckdb-engine has become enough."""
    cursor = town.cursor()
    options = {"creator": lambda: ConnectionWrapper(cursor.cursor()), "poolclass": NullPool}
    results = run_expectations("duckdb://", options)
    passed = {r.expectation_config.type for r in results if r.success}
    assert passed <= {"expect_column_to_exist"}


def test_with_buffering_every_expectation_works(town: duckdb.DuckDBPyConnection) -> None:
    results = run_expectations(dialect.URL, dialect.engine_options(town.cursor()))
    assert [r.expectation_config.type for r in results if not r.success] == []
    assert len(results) == 8


def test_predicates_of_a_table_are_counted_in_one_statement(town: duckdb.DuckDBPyConnection) -> None:
    """The cost of a check rests on this: a pass over the table for all, not for each."""
    statements: list[str] = []

    def listen(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    try:
        judge(town, "marts")
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", listen)
    counted = [s for s in statements if "FILTER" in s and "out_daily_rates" in s]
    assert len(counted) == 1
    assert counted[0].count("FILTER (WHERE") >= 6


def test_no_statement_fetches_a_table(
    town: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results are buffered whole, so none may be as long as the data."""
    longest: list[int] = []
    strategy = dialect.FullyBufferedCursorFetchStrategy

    def recording(cursor: Any, initial_buffer: list[Any]) -> Any:
        longest.append(len(initial_buffer))
        return strategy(cursor, initial_buffer=initial_buffer)

    monkeypatch.setattr(dialect, "FullyBufferedCursorFetchStrategy", recording)
    for suite in ("raw", "core", "marts"):
        judge(town, suite)
    assert len(longest) > 50
    assert max(longest) <= 1


def test_great_expectations_names_wrong_rows_by_a_query(town: duckdb.DuckDBPyConnection) -> None:
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_sql(
        "warehouse", connection_string=dialect.URL, kwargs=dialect.engine_options(town.cursor())
    )
    batch = source.add_table_asset("core_case", table_name="core_case").add_batch_definition_whole_table(
        "all"
    )
    suite = context.suites.add(
        gx.ExpectationSuite(
            "one",
            expectations=[gx.expectations.ExpectColumnValuesToBeInSet(column="unit_code", value_set=["U1"])],
        )
    )
    validation = context.validation_definitions.add(
        gx.ValidationDefinition(name="v", data=batch, suite=suite)
    )
    form = {
        "result_format": "BASIC",
        "partial_unexpected_count": 0,
        "unexpected_index_column_names": ["case_id", "reported_on"],
        "return_unexpected_index_query": True,
    }
    result = validation.run(result_format=form).results[0].result
    query = result["unexpected_index_query"].rstrip("; ")
    rows = town.execute(f"SELECT DISTINCT case_id, reported_on FROM ({query})").fetchall()
    assert len(rows) == result["unexpected_count"] == 128
    assert result["partial_unexpected_list"] == []


def test_nothing_is_sent_anywhere(town: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: Any) -> None:
        raise AssertionError(f"a connection to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert judge(town, "core").passed


@pytest.mark.parametrize("heavy", ["great_expectations", "sqlalchemy", "pandas"])
def test_importing_the_gate_imports_nothing_heavy(heavy: str) -> None:
    program = f"import sys, expectations.gate, expectations.holds; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_telemetry_is_off_before_great_expectations_can_be_imported() -> None:
    program = "import os, expectations; raise SystemExit(os.environ['GX_ANALYTICS_ENABLED'] != 'false')"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
