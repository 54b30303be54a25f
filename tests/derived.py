"""A live file in memory with its derived tables, for tests of what transforms compute."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import duckdb

from gridrates.profile import Profile
from tests.events import Row, insert_events
from transforms.models import declared_models
from transforms.runner import Runner
from warehouse.migrate import migrate

AS_OF = datetime(2026, 12, 31, 12, tzinfo=UTC)
BARE: dict[str, Any] = {"name": "test", "name_zh": "测试", "name_en": "test", "time_zone": "Asia/Shanghai"}


def profile(**chosen: Any) -> Profile:
    """A profile of Shanghai time with nothing chosen but what is given."""
    return Profile.model_validate(BARE | chosen)


def live() -> duckdb.DuckDBPyConnection:
    """An empty live file in memory. One thread: there are few rows, and other tests want the processors."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    migrate(connection)
    return connection


def derive(
    events: Iterable[Row], chosen: Profile | None = None, as_of: datetime = AS_OF
) -> duckdb.DuckDBPyConnection:
    """Land the events in one batch and derive everything from them."""
    connection = live()
    insert_events(connection, events)
    bring_up_to_date(connection, chosen or profile(), as_of)
    return connection


def bring_up_to_date(
    connection: duckdb.DuckDBPyConnection, chosen: Profile, as_of: datetime = AS_OF, *, full: bool = False
) -> None:
    """Fold what has landed and compute what became stale."""
    runner = Runner(connection, chosen, as_of)
    runner.fold(full=full)
    runner.compute(runner.stale_dates())


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    """The rows of a query as dictionaries."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def everything(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every derived table, in order: what two ways of computing must agree on."""
    return {
        model.name: connection.execute(f"FROM {model.name} ORDER BY ALL").fetchall()
        for model in declared_models()
        if model.table.replace_by not in ("view", "passing")
    }
