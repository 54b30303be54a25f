"""SQLAlchemy over a DuckDB connection that is already open, in the way Great Expectations needs it.

Reads through one cursor that the caller holds: the file is never opened a second time, and temporary views
of that cursor are seen. Great Expectations reads a result after it has given its connection back to the
pool; the rollback that follows discards what DuckDB has not handed over yet. So every result is buffered
when it is executed.
"""

from __future__ import annotations

from typing import Any

import duckdb
import sqlalchemy as sa
from duckdb_engine import ConnectionWrapper, Dialect
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGExecutionContext_psycopg2
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.pool import NullPool

URL = "duckdb+buffered://"


class BufferedContext(PGExecutionContext_psycopg2):
    """Takes all rows of a result at once, before anyone can end its transaction."""

    def post_exec(self) -> None:
        """Replace the lazy way of fetching by a list that is already here."""
        super().post_exec()  # type: ignore[no-untyped-call]
        if self.cursor.description:
            rows = self.cursor.fetchall()
            self.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(self.cursor, initial_buffer=rows)


class BufferedDialect(Dialect):
    """`duckdb+buffered`: the DuckDB dialect with buffered results."""

    driver = "buffered"
    execution_ctx_cls = BufferedContext
    supports_statement_cache = False


class HeldCursor(ConnectionWrapper):
    """A cursor that the pool may give back but not close: it belongs to the caller."""

    def close(self) -> None:
        """Leave it open."""


def engine_options(cursor: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """What `sqlalchemy.create_engine(URL, …)` needs to work on `cursor` alone."""
    registry.register("duckdb.buffered", __name__, BufferedDialect.__name__)

    def creator() -> HeldCursor:
        return HeldCursor(cursor)

    return {"creator": creator, "poolclass": NullPool}


def create_engine(cursor: duckdb.DuckDBPyConnection) -> sa.Engine:
    """An engine whose every connection is `cursor`; the caller closes the cursor."""
    return sa.create_engine(URL, **engine_options(cursor))
