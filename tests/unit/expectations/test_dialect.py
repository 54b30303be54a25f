"""SQLAlchemy over an open DuckDB connection, and what we assume of both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa
from duckdb_engine import ConnectionWrapper
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.pool import NullPool

from expectations.dialect import URL, create_engine, engine_options

ROWS = 5000


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(tmp_path / "live.duckdb")) as opened:
        opened.execute(f"CREATE TABLE thing AS SELECT range AS n FROM range({ROWS})")
        yield opened


def test_a_result_outlives_its_connection(connection: duckdb.DuckDBPyConnection) -> None:
    engine = create_engine(connection.cursor())
    with engine.connect() as connected:
        result = connected.execute(sa.text("SELECT n FROM thing ORDER BY n"))
    assert isinstance(result.cursor_strategy, FullyBufferedCursorFetchStrategy)
    assert [n for (n,) in result.fetchall()] == list(range(ROWS))


def test_canary_without_buffering_a_result_dies_with_its_connection(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """What the dialect is for. When this fails, duckdb-engine may be used as it is."""
    engine = sa.create_engine(
        "duckdb://", creator=lambda: ConnectionWrapper(connection.cursor()), poolclass=NullPool
    )
    with engine.connect() as connected:
        result = connected.execute(sa.text("SELECT n FROM thing ORDER BY n"))
    with pytest.raises(Exception):  # noqa: B017 - what it raises has changed with every version
        assert [n for (n,) in result.fetchall()] == list(range(ROWS))


def test_statements_without_rows_pass(connection: duckdb.DuckDBPyConnection) -> None:
    engine = create_engine(connection.cursor())
    with engine.begin() as connected:
        connected.execute(sa.text("CREATE TABLE other (n INTEGER)"))
        connected.execute(sa.text("INSERT INTO other VALUES (1), (2)"))
        assert connected.execute(sa.text("SELECT n FROM other WHERE n > 5")).fetchall() == []
    assert connection.execute("SELECT count(*) FROM other").fetchall() == [(2,)]


def test_every_connection_is_the_one_cursor_and_sees_its_temporary_views(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TEMP VIEW thing AS SELECT n FROM live.main.thing WHERE n < 3")
    engine = create_engine(cursor)
    for _ in range(2):
        with engine.connect() as connected:
            assert connected.execute(sa.text("SELECT count(*) FROM thing")).scalar() == 3
    assert connection.execute("SELECT count(*) FROM thing").fetchall() == [(ROWS,)]


def test_disposing_the_engine_leaves_the_cursor_open(connection: duckdb.DuckDBPyConnection) -> None:
    cursor = connection.cursor()
    engine = create_engine(cursor)
    with engine.connect():
        pass
    engine.dispose()
    assert cursor.execute("SELECT 1").fetchall() == [(1,)]


def test_the_file_is_not_opened_again(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second connection to a file that is written would fail, or read another state."""
    engine = create_engine(connection.cursor())
    opened: list[object] = []
    monkeypatch.setattr(duckdb, "connect", lambda *arguments, **options: opened.append(arguments))
    with engine.connect() as connected:
        assert connected.execute(sa.text("SELECT max(n) FROM thing")).scalar() == ROWS - 1
    assert opened == []


def test_what_is_not_committed_is_not_seen(connection: duckdb.DuckDBPyConnection) -> None:
    engine = create_engine(connection.cursor())
    connection.begin()
    connection.execute("DELETE FROM thing")
    with engine.connect() as connected:
        assert connected.execute(sa.text("SELECT count(*) FROM thing")).scalar() == ROWS
    connection.rollback()


def test_the_dialect_goes_by_the_name_great_expectations_looks_at(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    engine = create_engine(connection.cursor())
    assert (engine.dialect.name, engine.url.drivername) == ("duckdb", "duckdb+buffered")
    assert sa.create_engine(URL, **engine_options(connection.cursor())).dialect.driver == "buffered"
