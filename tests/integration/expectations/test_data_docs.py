"""The Data Docs: built for each run, kept for a few."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from expectations.gate import DataDocs
from tests.integration.expectations.town import judge


def pages(folder: Path) -> list[Path]:
    return sorted(folder.glob("docs/validations/**/*.html"))


def text(path: Path) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", path.read_text(encoding="utf-8")))


def test_a_check_writes_a_page_for_each_table_and_an_index(
    town: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    judge(town, "raw", docs=DataDocs(tmp_path))
    tables = {path.relative_to(tmp_path / "docs" / "validations").parts[0] for path in pages(tmp_path)}
    assert tables == {"raw_event", "raw_landing_batch", "raw_rejected_event"}
    index = (tmp_path / "docs" / "index.html").read_text(encoding="utf-8")
    for path in pages(tmp_path):
        assert path.relative_to(tmp_path / "docs").as_posix() in index


def test_a_page_says_what_was_expected_in_both_languages_and_what_was_found(
    town: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    town.execute("UPDATE core_case SET return_count = -1 WHERE case_id IN ('C040-1', 'C041-1')")
    judge(town, "core", docs=DataDocs(tmp_path))
    (page,) = [path for path in pages(tmp_path) if "core_case" in path.parts]
    assert "次数不为负 No count of a case's steps is negative 2" in text(page)


def test_no_page_shows_a_value(town: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """What breaks a rule may be what must not be shown."""
    town.execute(
        "UPDATE core_case SET severity = '13812345678', state = '13812345678' WHERE case_id = 'C040-1'"
    )
    judge(town, "core", docs=DataDocs(tmp_path))
    assert any("core_case" in path.parts for path in pages(tmp_path))
    for path in tmp_path.rglob("*.*"):
        if path.suffix in (".html", ".json"):
            assert "13812345678" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("suites", [("raw",), pytest.param(("raw", "core"), marks=pytest.mark.full)])
def test_only_the_last_runs_are_kept(
    town: duckdb.DuckDBPyConnection, tmp_path: Path, suites: tuple[str, ...]
) -> None:
    for run in range(3):
        for suite in suites:
            judge(town, suite, run_id=f"run-{run}", docs=DataDocs(tmp_path, keep_runs=2))
    kept = {path.parent.parent.name for path in pages(tmp_path)}
    assert kept == {f"{suite}-run-{run}" for suite in suites for run in (1, 2)}
    results = {path.parent.parent.name for path in (tmp_path / "results").rglob("*.json")}
    assert results == kept


def test_a_run_named_by_a_scheduler_is_a_file_name(town: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    judge(town, "raw", run_id="scheduled__2026-05-01T00:00:00+00:00/1", docs=DataDocs(tmp_path))
    assert {path.parent.parent.name for path in pages(tmp_path)} == {
        "raw-scheduled__2026-05-01T00-00-00-00-00-1"
    }


def test_without_a_folder_nothing_is_written(
    town: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    monkeypatch.chdir(empty)
    judge(town, "raw")
    assert list(empty.iterdir()) == []
