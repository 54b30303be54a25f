"""The published rates as they were known at a moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb
import pytest

from gridrates.errors import WarehouseError
from gridrates.published_rates import know_as_at

HISTORY = """
CREATE TABLE daily_rates AS SELECT 'new' AS figure;
CREATE TABLE daily_rates_history AS
SELECT * FROM (VALUES
  ('old', TIMESTAMPTZ '2026-05-02 06:00:00+08', TIMESTAMPTZ '2026-05-04 06:00:00+08'),
  ('new', TIMESTAMPTZ '2026-05-04 06:00:00+08', NULL)
) AS version (figure, published_at, superseded_at);
"""


@pytest.fixture
def published() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'Asia/Shanghai'")
        connection.execute(HISTORY)
        yield connection


def _figures(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT figure FROM daily_rates").fetchall()]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-05-02T06:00", "old"),
        ("2026-05-04T05:59:59", "old"),
        ("2026-05-04T06:00", "new"),
        ("2030-01-01", "new"),
        ("2026-05-03T22:30:00+00:00", "new"),
        ("2026-05-03T21:30:00+00:00", "old"),
    ],
)
def test_a_moment_sees_what_stood_then(
    published: duckdb.DuckDBPyConnection, moment: str, expected: str
) -> None:
    know_as_at(published, datetime.fromisoformat(moment))
    assert _figures(published) == [expected]


def test_before_the_first_publication_there_is_nothing(published: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(WarehouseError, match="Nothing had been published by 2026-05-01"):
        know_as_at(published, datetime(2026, 5, 1, tzinfo=UTC))
