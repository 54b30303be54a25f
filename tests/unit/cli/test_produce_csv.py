"""`gridrates produce csv` without a broker: what it prints, where, and how it ends."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from gridrates.cli import app
from producers.csv_export import import_exports
from tests.exporting import SIMPLE, mapping_of, write_csv

ROOT = Path(__file__).parents[3]
HEADER = ["id", "opened", "closed"]
DAY = "2024-05-01 08:00:00"


@pytest.fixture
def street(tmp_path: Path) -> Path:
    folder = tmp_path / "街道 1"
    folder.mkdir()
    (folder / "profile.yaml").write_text("name_zh: 街\nname_en: Street\ntime_zone: Asia/Shanghai\n")
    content = {key: value for key, value in SIMPLE.items() if key != "time_zone"}
    (folder / "mapping.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def dry(street: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(
        app, ["produce", "csv", "--profile", str(street), "--dry-run", *map(str, arguments)]
    )


def test_the_summary_tells_rows_events_and_the_commonest_reasons_first(street: Path, tmp_path: Path) -> None:
    rows = [HEADER, ["1", DAY, DAY], ["", DAY, ""], *([str(n), "[bold]soon[/]", ""] for n in range(2, 7))]
    result = dry(street, write_csv(tmp_path / "cases.csv", rows))
    assert result.exit_code == 2
    assert result.stdout.splitlines() == [
        "7 rows: 1 mapped, 6 rejected",
        "2 events",
        "  gridrates.case.reported.v1  1",
        "  gridrates.case.closed.v1  1",
        "rejected 5: the time of `reported` fits none of its formats",
        *(
            f"  cases.csv, row {row} (line {row + 1}): the time of `reported` fits none of its formats: "
            "opened is '[bold]soon[/]'"
            for row in (3, 4, 5)
        ),
        "rejected 1: id is empty",
        "  cases.csv, row 2 (line 3): id is empty: id is ''",
    ]
    assert "events/s" in result.stderr


def test_a_clean_export_ends_with_0(street: Path, tmp_path: Path) -> None:
    result = dry(street, write_csv(tmp_path / "案件.csv", [HEADER, ["1", DAY, DAY]]))
    assert result.exit_code == 0
    assert result.stdout.startswith("1 rows: 1 mapped, 0 rejected")


def test_json_is_all_there_is_on_standard_output(street: Path, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "cases.csv", [HEADER, ["1", DAY, "soon"]])
    command = [sys.executable, "-m", "gridrates", "--profile", str(street), "produce", "csv", str(path)]
    done = subprocess.run([*command, "--dry-run", "--json"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    told = json.loads(done.stdout)
    assert told["dry_run"] is True
    assert told["reasons"] == {"the time of `closed` fits none of its formats": 1}
    assert told["examples"]["the time of `closed` fits none of its formats"][0].startswith("cases.csv, row 1")


def test_the_profile_may_stand_before_or_after_the_command(street: Path, tmp_path: Path) -> None:
    path = str(write_csv(tmp_path / "cases.csv", [HEADER, ["1", DAY, ""]]))
    before = CliRunner().invoke(
        app, ["--profile", str(street), "produce", "csv", path, "--dry-run", "--json"]
    )
    after = dry(street, path, "--json")
    summaries = [json.loads(result.stdout) for result in (before, after)]
    assert [summary.pop("seconds") >= 0 for summary in summaries] == [True, True]
    assert summaries[0] == summaries[1]


def test_one_wrong_file_among_several_is_named(street: Path, tmp_path: Path) -> None:
    good = write_csv(tmp_path / "good.csv", [HEADER, ["1", DAY, ""]])
    result = dry(street, good, tmp_path / "none.csv")
    assert result.exit_code == 2
    assert "none.csv" in result.stderr
    assert result.stdout == ""


def test_without_a_file_it_says_what_is_missing(street: Path) -> None:
    result = dry(street)
    assert result.exit_code == 2
    assert "FILE" in result.output


def test_a_file_that_may_not_be_read_is_named(street: Path, tmp_path: Path) -> None:
    (tmp_path / "cases.csv").mkdir()
    result = dry(street, tmp_path / "cases.csv")
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


def test_help_shows_examples_and_says_what_happens_to_bad_rows() -> None:
    shown = CliRunner().invoke(app, ["produce", "csv", "--help"]).output
    assert "--dry-run" in shown
    assert "rejects.csv" in shown
    assert "boston-311" in shown


def test_the_collector_of_garbage_is_left_as_it_was(tmp_path: Path) -> None:
    before = gc.get_threshold()
    path = write_csv(tmp_path / "cases.csv", [HEADER, ["1", DAY, ""]])
    import_exports([path], mapping_of(SIMPLE))
    assert gc.get_threshold() == before

    def fails(position: int) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        import_exports([path], mapping_of(SIMPLE), on_progress=fails)
    assert gc.get_threshold() == before
