"""`gridrates query`: every format, what it refuses, and how it says so."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gridrates.cli import app
from gridrates.settings import Settings
from tests.published_street import make_published, make_settings


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return make_published(tmp_path_factory.mktemp("street"))


def query(settings: Settings, *arguments: str, given: str | None = None) -> Result:
    options = ["--home", str(settings.home), "--profile", settings.profile]
    runner = CliRunner(env={"COLUMNS": "120"})
    return runner.invoke(app, [*options, "query", *arguments], input=given)


def answer(settings: Settings, sql: str, *arguments: str) -> str:
    result = query(settings, sql, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_table_by_default(street) -> None:
    said = answer(street, "SELECT case_id, closed_at FROM cases WHERE case_id LIKE 'E%' ORDER BY 1")
    assert "│ E0      │ 2026-05-02 11:00:00+08   │" in said


def test_the_chinese_views(street) -> None:
    assert "│ 梧桐居民区 │" in answer(street, "SELECT 中文名称 FROM zh.网格 WHERE 网格编码 = 'E1'")


def test_a_table_is_cut_at_max_rows_and_says_so(street) -> None:
    said = answer(street, "SELECT range AS n FROM range(1000)", "--max-rows", "4")
    assert said.count("│") < 30
    assert "1000 rows" in said
    assert "4 shown" in said


def test_csv_is_complete_and_exact(street) -> None:
    sql = "SELECT case_id, is_on_time, closed_at, tags, longitude FROM cases ORDER BY case_id"
    rows = list(csv.reader(io.StringIO(answer(street, sql, "--format", "csv"))))
    assert rows[0] == ["case_id", "is_on_time", "closed_at", "tags", "longitude"]
    assert rows[1] == ["D0", "true", "2026-05-01 11:00:00+08:00", "", ""]
    assert [row[0] for row in rows[1:]] == ["D0", "E0", "E1", "E2", "W0"]


def test_csv_writes_lists_as_json(street) -> None:
    rows = list(csv.reader(io.StringIO(answer(street, "SELECT ['a', '乙'] AS l", "--format", "csv"))))
    assert rows[1] == ['["a", "乙"]']


def test_json_is_an_array_of_objects(street) -> None:
    sql = "SELECT case_id, closed_at, NULL AS nothing, 0.5 AS half FROM cases WHERE case_id = 'E0'"
    assert json.loads(answer(street, sql, "--format", "json")) == [
        {"case_id": "E0", "closed_at": "2026-05-02 11:00:00+08:00", "nothing": None, "half": 0.5}
    ]


@pytest.mark.parametrize(("format_", "empty"), [("csv", "case_id\n"), ("json", "[]\n")])
def test_no_rows_is_no_error(street, format_: str, empty: str) -> None:
    assert answer(street, "SELECT case_id FROM cases WHERE false", "--format", format_) == empty


@pytest.mark.parametrize("rows", [1, 9_999, 10_000, 10_001, 25_000])
def test_every_row_of_a_long_answer_is_written_once(street, rows: int) -> None:
    sql = f"SELECT range AS n FROM range({rows})"
    assert [r["n"] for r in json.loads(answer(street, sql, "--format", "json"))] == list(range(rows))


def test_a_question_from_standard_input(street) -> None:
    result = query(street, "-", "--format", "csv", given="SELECT count(*) AS n FROM cases;\n")
    assert result.stdout == "n\n5\n"


def test_times_are_in_the_zone_of_the_profile(street) -> None:
    assert "2026-05-02 08:00:00+08" in answer(street, "SELECT filed_at FROM cases WHERE case_id = 'E0'")


def test_an_answer_larger_than_memory_is_streamed(street) -> None:
    """A hundred million rows begin to come at once; the reader leaves after three, which is no failure."""
    command = [sys.executable, "-m", "gridrates", "--home", str(street.home), "query"]
    sql = "SELECT range AS n, 'x' AS pad FROM range(100000000)"
    with subprocess.Popen(
        [*command, sql, "--format", "csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert [process.stdout.readline() for _ in range(3)] == ["n,pad\n", "0,x\n", "1,x\n"]
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("FROM daily_rate", "no published table 'daily_rate'. What to do: Did you mean daily_rates"),
        ("FROM Daily_Ratess", "Did you mean daily_rates"),
        ("FROM 每日四律", 'Did you mean zh."每日四率"'),
        ("FROM zh.每日四律", 'Did you mean zh."每日四率"'),
        ("FROM qqqqqq", "What to do: There are activities, activity_rankings, calendar"),
        ("SELECT nothing FROM cases", "Referenced column"),
        ("SELEC 1", "cannot be answered"),
        ("", "No question was asked"),
        (" ;\n", "No question was asked"),
        ("SELECT 1/'x'", "cannot be answered"),
        ("DELETE FROM cases", "read-only"),
        ("CREATE TABLE mine AS FROM cases", "read-only"),
        ("COPY cases TO 'cases.csv'", "reaches the published file and nothing else"),
        ("SELECT * FROM read_csv('/etc/passwd')", "reaches the published file and nothing else"),
        ("ATTACH 'other.duckdb'", "reaches the published file and nothing else"),
        ("INSTALL httpfs", "reaches the published file and nothing else"),
        ("SET enable_external_access = true", "cannot be answered"),
    ],
)
@pytest.mark.parametrize("format_", ["table", "csv"])
def test_what_cannot_be_answered_is_told_with_a_remedy(street, sql: str, said: str, format_: str) -> None:
    result = query(street, sql, "--format", format_)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert "What to do:" in result.stderr
    assert "Traceback" not in result.output


def test_too_little_memory_is_told_with_a_remedy(street, monkeypatch) -> None:
    monkeypatch.setenv("GRIDRATES_DUCKDB_MEMORY_LIMIT", "10MB")
    result = query(street, "SELECT list(range) FROM range(100000000)", "--format", "csv")
    assert result.exit_code == 6
    assert "GRIDRATES_DUCKDB_MEMORY_LIMIT" in result.stderr


@pytest.mark.parametrize("command", ["rates", "explain closure_rate --date 2026-05-02", "report --format md"])
def test_too_little_memory_for_what_we_ask_ourselves_is_told_too(street, monkeypatch, command: str) -> None:
    monkeypatch.setenv("GRIDRATES_DUCKDB_MEMORY_LIMIT", "1MB")
    options = ["--home", str(street.home), "--profile", street.profile]
    result = CliRunner().invoke(app, [*options, *command.split()])
    assert result.exit_code == 6
    assert "GRIDRATES_DUCKDB_MEMORY_LIMIT" in result.stderr


def test_nothing_published_yet_says_what_to_do(tmp_path: Path) -> None:
    result = query(make_settings(tmp_path), "SELECT 1")
    assert result.exit_code == 4
    assert "Nothing has been published yet" in result.stderr
