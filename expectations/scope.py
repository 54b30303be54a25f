"""What a check looks at: the rows that changed, not the warehouse.

Reads and writes temporary tables and views of the gate's own cursor only. A table that is limited is hidden
behind a view of its own name, so that a rule reads the same whether the check is limited or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb

from expectations.rendering import Circumstances, macros, own_sql
from expectations.suites import TableSuite


def table_columns(cursor: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """The columns of every table in the file, with their DuckDB types."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in cursor.execute(own_sql("table_columns")).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def narrow(
    cursor: duckdb.DuckDBPyConnection,
    suites: Sequence[TableSuite],
    around: Circumstances,
    *,
    dates: Sequence[date] | None,
    after_batch: int | None,
) -> frozenset[str]:
    """Limit tables to rows that count on `dates`; those of the raw layer to batches after `after_batch`.

    Returns the tables that are limited.
    """
    cursor.execute(macros())
    cursor.execute(own_sql("checked_date"))
    if dates:
        cursor.execute("INSERT INTO checked_date SELECT unnest(?)", [list(dates)])
    views = {s.table: _view(s, around, dates is not None, after_batch) for s in suites}
    for statements in views.values():
        for statement in statements:
            cursor.execute(statement)
    return frozenset(table for table, statements in views.items() if statements)


def _view(
    suite: TableSuite, around: Circumstances, by_dates: bool, after_batch: int | None
) -> tuple[str, ...]:
    """The statements that hide a table; none where all of it is checked."""
    columns = around.columns[suite.table]
    values = {"table": suite.table, "everything": around.everything}
    if suite.suite == "raw":
        limited = after_batch is not None and "batch_id" in columns
        return (own_sql("scoped_by_batches", after_batch=after_batch, **values),) if limited else ()
    dates = suite.date_columns(columns)
    if not by_dates or not (dates or suite.span):
        return ()
    found = own_sql("checked_rows", dates=dates, span=suite.span, **values)
    return found, own_sql("scoped_by_dates", **values)
