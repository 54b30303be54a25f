"""Blocks around statements: Arrow tables as relations they can name, and transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from gridrates.arrow_stream import ArrowStream

if TYPE_CHECKING:
    import pyarrow as pa


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, **tables: pa.Table) -> Iterator[None]:
    """Let statements on the connection read each table by its keyword, for the length of the block."""
    for name, table in tables.items():
        connection.register(name, ArrowStream(table))
    try:
        yield
    finally:
        for name in tables:
            connection.unregister(name)


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what the block did, or roll all of it back when it fails."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
