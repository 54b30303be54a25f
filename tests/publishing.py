"""A warehouse of two small tables to publish in tests.

Every row of both carries the same `version`, so that a reader can tell a mixed generation from a whole one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from gridrates.settings import Settings
from warehouse.live import open_live
from warehouse.published import Publication, publish
from warehouse.published_tables import Column, PublicTable

PROFILE = "name_zh: 测试街道\nname_en: Test Street\ntime_zone: Asia/Shanghai\n"
FIRST = date(2026, 5, 1)
DATES = tuple(FIRST + timedelta(days=n) for n in range(30))

CASES = PublicTable(
    name="cases",
    sql="SELECT version, case_id, closed_at FROM core_case;\n",
    comment="One row a case; it's small.",
    zh_name="案件",
    columns={
        "case_id": Column("Id of the case.", "案件编号"),
        "closed_at": Column("When it was closed.", "结案时间"),
        "version": Column("What all rows share.", "版本"),
    },
    grain=("case_id",),
)
RATES = PublicTable(
    name="daily_rates",
    sql="SELECT * FROM out_daily_rates",
    comment="Rates by day.",
    zh_name="每日四率",
    columns={
        "business_date": Column("The business date.", "业务日期"),
        "code": Column("Code of the grid.", "网格编码"),
        "closure_rate": Column("Closed of due.", "结案率", "ratio", "closed / due", "own definition"),
        "version": Column("What all rows share.", "版本"),
    },
    grain=("business_date", "code"),
    date_column="business_date",
)
TABLES = (CASES, RATES)


def make_settings(folder: Path, **changes: Any) -> Settings:
    """Settings with a home and a profile of their own below `folder`."""
    profile = folder / "test-street"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "profile.yaml").write_text(PROFILE, encoding="utf-8")
    return Settings(home=folder / "home", profile=str(profile), **changes)


@contextmanager
def open_street(settings: Settings, cases: int = 100) -> Iterator[duckdb.DuckDBPyConnection]:
    """The live file, filled at version 0 when it is new."""
    with open_live(settings, command="test") as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS core_case AS "
            "SELECT 0 AS version, 'C' || lpad(range::VARCHAR, 7, '0') AS case_id, TIMESTAMPTZ "
            "'2026-05-01 08:00:00+08' + to_minutes(range) AS closed_at "
            f"FROM range({cases}) ORDER BY hash(range)"
        )
        connection.execute(
            "CREATE TABLE IF NOT EXISTS out_daily_rates AS "
            "SELECT DATE '2026-05-01' + d::INT AS business_date, 'g' || g AS code, "
            "(d * 4 + g) / 120 AS closure_rate, 0 AS version "
            "FROM range(30) AS days (d), range(4) AS grids (g) ORDER BY hash(d * 4 + g)"
        )
        yield connection


def set_version(connection: duckdb.DuckDBPyConnection, version: int) -> None:
    """Change every row of both tables."""
    connection.execute("UPDATE core_case SET version = ?", [version])
    connection.execute("UPDATE out_daily_rates SET version = ?", [version])


def publish_street(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    tables: Sequence[PublicTable] = TABLES,
    *,
    covered: Sequence[date] = DATES,
    held_back: Mapping[date, Sequence[str]] | None = None,
    **options: Any,
) -> Publication:
    """Publish the two tables."""
    return publish(
        connection, settings, tables, run_id="run-1", covered=covered, held_back=held_back, **options
    )


def versions(connection: duckdb.DuckDBPyConnection) -> list[tuple[int, int]]:
    """The versions there are in all tables together and their rows; one entry in a whole generation."""
    query = "FROM (SELECT version FROM cases UNION ALL SELECT version FROM daily_rates)"
    return connection.execute(f"SELECT version, count(*) {query} GROUP BY version").fetchall()
