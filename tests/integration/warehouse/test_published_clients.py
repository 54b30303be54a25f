"""The published file from the programs analysts have: command line, pandas, polars, SQLAlchemy, Parquet."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from gridrates.settings import Settings
from tests.publishing import DATES, make_settings, open_street, publish_street

RATE = 1 / 120


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = make_settings(tmp_path_factory.mktemp("street"))
    with open_street(settings) as live:
        publish_street(live, settings)
    return settings


@pytest.fixture
def connection(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """What docs/published.md tells analysts to write."""
    with duckdb.connect(str(settings.current_path), read_only=True) as connection:
        yield connection


@pytest.fixture
def parquet(settings: Settings) -> Path:
    return settings.published_dir / "current" / "daily_rates.parquet"


def ask_command_line(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """DuckDB's own program, as `pip install duckdb-cli` brings it, on the published file."""
    program = Path(sysconfig.get_path("scripts")) / "duckdb"
    command = [str(program), "-readonly", "-init", "/dev/null", str(settings.current_path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60)


def test_duckdbs_command_line(settings) -> None:
    question = 'SELECT "网格编码", count(*) AS "天数" FROM zh."每日四率" GROUP BY ALL ORDER BY ALL LIMIT 2'
    done = ask_command_line(settings, "-json", "-c", question)
    assert done.stderr == ""
    assert json.loads(done.stdout) == [{"网格编码": "g0", "天数": 30}, {"网格编码": "g1", "天数": 30}]


def test_duckdbs_command_line_shows_comments_and_changes_nothing(settings) -> None:
    comment = "SELECT comment FROM duckdb_tables() WHERE table_name = 'cases'"
    assert (
        ask_command_line(settings, "-list", "-noheader", "-c", comment).stdout
        == "One row a case; it's small.\n"
    )
    changed = ask_command_line(settings, "-c", "DELETE FROM cases")
    assert changed.returncode != 0
    assert "read-only" in changed.stderr


def test_pandas_by_duckdb(connection) -> None:
    frame = connection.execute("FROM daily_rates").df()
    assert len(frame) == 120
    assert frame.closure_rate[1] == pytest.approx(RATE)
    assert frame.business_date[0].date() == DATES[0]


def test_pandas_by_parquet(parquet) -> None:
    import pandas

    frame = pandas.read_parquet(parquet)
    assert list(frame.columns) == ["business_date", "code", "closure_rate", "version"]
    assert frame.closure_rate.sum() == pytest.approx(sum(n * RATE for n in range(120)))


def test_polars_by_duckdb(connection) -> None:
    frame = connection.execute('FROM zh."每日四率"').pl()
    assert frame.columns == ["业务日期", "网格编码", "结案率", "版本"]
    assert frame["结案率"][1] == pytest.approx(RATE)


def test_polars_by_parquet(parquet) -> None:
    import polars

    frame = polars.scan_parquet(parquet).filter(polars.col("business_date") == date(2026, 5, 2)).collect()
    assert frame["code"].to_list() == ["g0", "g1", "g2", "g3"]


def test_arrow(connection) -> None:
    table = connection.execute("SELECT closed_at FROM cases").to_arrow_table()
    assert str(table.schema.field("closed_at").type).startswith("timestamp[us, tz=")


def test_sqlalchemy(settings) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(f"duckdb:///{settings.current_path}", connect_args={"read_only": True})
    try:
        with engine.connect() as connection:
            assert connection.execute(sqlalchemy.text("SELECT count(*) FROM daily_rates")).scalar() == 120
            assert connection.execute(sqlalchemy.text('SELECT count(*) FROM zh."案件"')).scalar() == 100
    finally:
        engine.dispose()


def test_attached_beside_a_file_of_ones_own(settings, tmp_path) -> None:
    with duckdb.connect(str(tmp_path / "mine.duckdb")) as connection:
        connection.execute("CREATE TABLE targets AS SELECT 'g1' AS code, 0.5 AS target")
        connection.execute(f"ATTACH '{settings.current_path}' AS street (READ_ONLY)")
        below = "FROM street.daily_rates JOIN targets USING (code) WHERE closure_rate < target"
        assert connection.execute(f"SELECT count(*) {below}").fetchone() == (15,)
        assert connection.execute('SELECT count(*) FROM street.zh."每日四率"').fetchone() == (120,)


def test_cannot_be_changed_by_mistake(settings) -> None:
    with (
        duckdb.connect(str(settings.current_path), read_only=True) as connection,
        pytest.raises(duckdb.InvalidInputException, match="read-only"),
    ):
        connection.execute("DELETE FROM cases")
