"""`gridrates report`: what is written where, from which question."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner, Result

from gridrates.cli import app
from gridrates.published_client import open_published
from gridrates.published_rates import last_date
from gridrates.settings import Settings
from reports.writing import write_after_publication
from tests.published_street import make_settings
from tests.six_weeks import six_weeks


def report(settings: Settings, *arguments: str) -> Result:
    options = ["--home", str(settings.home), "--profile", settings.profile]
    return CliRunner().invoke(app, [*options, "report", *arguments])


def files_below(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_a_month_of_a_grid_in_every_format(tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--period", "2026-01", "--node", "东泰宜游网格", "--out", str(out)]
    result = report(six_weeks().settings, *options, "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    stem = "2026-01/310199001000001"
    assert files_below(out) == {"index.html", f"{stem}.html", f"{stem}.xlsx", f"{stem}.md"}
    assert answer["index"] == str(out / "index.html")
    assert [Path(file).suffix for file in answer["files"]] == [".html", ".xlsx", ".md"]
    title = "东泰宜游网格治理情况通报"
    assert openpyxl.load_workbook(out / f"{stem}.xlsx")["通报"]["A1"].value == title
    assert (out / f"{stem}.md").read_text().startswith(f"# {title}（2026年1月）")


def test_by_default_the_last_whole_day_below_the_home() -> None:
    settings = six_weeks().settings
    result = report(settings, "--format", "md")
    with open_published(settings) as connection:
        day = last_date(connection)
    assert result.stdout.strip() == str(settings.home_dir / "reports" / str(day) / "total.md")
    assert "index.html" in result.stderr


def test_several_formats_once_each(tmp_path: Path) -> None:
    options = ["--date", "2026-01-21", "--format", "md", "--format", "md", "--format", "xlsx"]
    result = report(six_weeks().settings, *options, "--out", str(tmp_path))
    assert len(result.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--period", "May"], "'May' is neither a date nor a period"),
        (["--date", "2026-01-21", "--period", "2026-01"], "A date was asked for, and a period"),
        (["--date", "soon"], "'soon' is not a date"),
        (["--node", "nowhere"], "There is no grid 'nowhere'"),
        (["--work-type", "magic"], "There is no kind of work 'magic'"),
    ],
)
def test_a_wrong_question_is_told_and_writes_nothing(tmp_path: Path, arguments: list[str], said: str) -> None:
    result = report(six_weeks().settings, *arguments, "--out", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "out").exists()


def test_nothing_published_yet_says_what_to_do(tmp_path: Path) -> None:
    result = report(make_settings(tmp_path))
    assert result.exit_code == 4
    assert "gridrates run" in result.stderr


def test_after_a_publication_its_dates_their_months_and_the_newest_days_grids(tmp_path: Path) -> None:
    settings = six_weeks().settings
    with open_published(settings) as connection:
        newest = last_date(connection)
    own = settings.model_copy(update={"home": tmp_path})
    (tmp_path / "published").symlink_to(settings.published_dir)
    written = write_after_publication(own, [newest, newest.replace(month=1, day=31), newest])
    stems = {str(file.relative_to(tmp_path / "reports").with_suffix("")) for file in written}
    grids = {f"{newest}/31019900100000{number}" for number in range(1, 5)}
    assert stems == grids | {f"{newest}/total", "2026-01-31/total", "2026-01/total", "2026-02/total"}
    assert len(written) == 3 * len(stems)
    assert (tmp_path / "reports" / "index.html").exists()


def test_after_a_publication_of_no_date_nothing_is_written(tmp_path: Path) -> None:
    settings = six_weeks().settings
    (tmp_path / "published").symlink_to(settings.published_dir)
    assert write_after_publication(settings.model_copy(update={"home": tmp_path}), []) == []
    assert not (tmp_path / "reports").exists()
