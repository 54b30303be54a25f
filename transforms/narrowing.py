"""Running a model over part of its input: temporary tables that stand before the real ones of the same name.

Guarantees that inside `narrowed` an unqualified name means the part, and that the real table is still there
under its qualified name (`real`). So a model's SQL says what a table is, and never which part of it is due.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import duckdb


def real(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """The qualified name of a table of the live file."""
    row = connection.execute("SELECT current_database()").fetchone()
    assert row is not None
    return f'"{row[0]}".main.{table}'


@contextmanager
def narrowed(connection: duckdb.DuckDBPyConnection, parts: Mapping[str, str]) -> Iterator[None]:
    """Let each name mean the rows of its query; queries name the real tables by `real`.

    In the caller's transaction: when something fails, its rollback takes the parts away.
    """
    for name, query in parts.items():
        connection.execute(f"CREATE TEMP TABLE {name} AS {query}")
    yield
    for name in parts:
        connection.execute(f"DROP TABLE temp.{name}")


@contextmanager
def narrowed_view(connection: duckdb.DuckDBPyConnection, name: str, query: str) -> Iterator[None]:
    """Let a view's name mean the same query over whatever its tables mean now."""
    connection.execute(f"CREATE TEMP VIEW {name} AS {query}")
    yield
    connection.execute(f"DROP VIEW temp.{name}")
