"""What the READMEs tell people to type works: SQL, Python, and every command that needs no broker.

The published file is a real one, made of a handful of events of the demo street; the export is a file in
GB18030 as a hotline would write it.
"""

from __future__ import annotations

import csv
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from gridrates.cli import app
from gridrates.pipeline import open_pass
from gridrates.published_client import open_published
from gridrates.settings import Settings
from tests.events import insert_events
from tests.published_street import course
from tests.unit.docs.pages import README, README_ZH, Fence, Page

READMES = (README, README_ZH)
GRID = "310199001000001"
DATE = "2026-06-30"
ON_TIME = {
    "reported": "07:50",
    "filed": "08:00",
    "dispatched": "08:05",
    "signed": "08:10",
    "handled": "09:00",
    "closed": "09:20",
}
# What can be typed without a broker. The others need one, or would start one.
OFFLINE = (("rates",), ("query",), ("profile", "new"), ("profile", "check"))
REFUSED = """
INSERT INTO raw_rejected_event BY NAME
SELECT
  1 AS reject_id, 'not_json' AS reason_code, 'Unterminated string' AS reason_text,
  'case-events' AS kafka_topic, 0 AS kafka_partition, 7 AS kafka_offset, 1 AS batch_id, now() AS rejected_at
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as it is after a demo: state in .gridrates, and an export to begin with."""
    folder = tmp_path_factory.mktemp("desk")
    publish_the_street(Settings(home=folder / ".gridrates"))
    write_export(folder / "export.csv")
    return folder


def publish_the_street(settings: Settings) -> None:
    """Two cases due on the date, of which one is closed late; another is found closed two days after that."""
    on_time = list(course("C1", GRID, DATE, **ON_TIME, visited="15:00 satisfied"))
    late = list(
        course("C2", GRID, DATE, **{step: time for step, time in ON_TIME.items() if step != "closed"})
    )
    forgotten = list(course("C3", GRID, "2026-06-29", **ON_TIME))
    passes: list[tuple[str, list[Any]]] = [
        ("2026-07-01T02:00+08:00", [*on_time, *late, *forgotten[:-1]]),
        ("2026-07-02T02:00+08:00", [*course("C2", GRID, "2026-07-01", closed="10:00"), forgotten[-1]]),
    ]
    for number, (now, events) in enumerate(passes, start=1):
        with open_pass(settings, "test", now=datetime.fromisoformat(now)) as this:
            insert_events(this.connection, events, batch_id=number)
            this.fold()
            this.compute(this.due_dates())
            if number == 2:
                this.connection.execute(REFUSED)
            this.publish()


def write_export(path: Path) -> None:
    rows = [
        ["工单编号", "上报时间", "所属网格", "承办单位", "截止时间", "结案时间"],
        *(
            [f"GD2026{n:04}", f"2026-06-{n % 28 + 1:02} 08:00:00", f"G{n % 4}", f"单位{n % 3}", "", ""]
            for n in range(40)
        ),
    ]
    with path.open("w", encoding="gb18030", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture(autouse=True)
def _at_the_desk(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)


def blocks(language: str) -> list[Any]:
    found = [(page.name, fence) for page in map(Page, READMES) for fence in page.fences]
    return [pytest.param(f, id=f"{name}-{n}") for n, (name, f) in enumerate(found) if f.language == language]


@pytest.fixture
def published(desk: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_published(Settings(home=desk / ".gridrates")) as connection:
        yield connection


@pytest.mark.parametrize("fence", blocks("sql"))
def test_every_question_has_an_answer(fence: Fence, published: duckdb.DuckDBPyConnection) -> None:
    for question in published.extract_statements(fence.text):
        assert published.execute(question).fetchall(), f"no row: {question.query}"


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_the_cases_that_a_rate_lacks_are_those_the_question_finds(
    readme: Path, published: duckdb.DuckDBPyConnection
) -> None:
    (question,) = [f.text for f in Page(readme).fences if "IS DISTINCT FROM" in f.text]
    (lacking,) = published.execute(
        "SELECT closure_due_count - closure_done_count FROM daily_rates "
        "WHERE business_date = $date AND level = 'total' AND work_type = 'all'",
        {"date": DATE},
    ).fetchall()
    assert [row[0] for row in published.execute(question).fetchall()] == ["C2"]
    assert lacking == (1,)


@pytest.mark.parametrize("fence", blocks("python"))
def test_python_runs_as_it_stands(fence: Fence, desk: Path) -> None:
    done = subprocess.run([sys.executable, "-c", fence.text], cwd=desk, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert DATE in done.stdout


def offline_commands(readme: Path) -> list[list[str]]:
    """The commands of a page that need no broker, in their order."""
    lines = [line for f in Page(readme).fences if f.language == "sh" for line in f.text.splitlines()]
    typed = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("gridrates ")]
    return [
        words
        for words in typed
        if tuple(words[:2]) in OFFLINE or (words[0],) in OFFLINE or "--dry-run" in words
    ]


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_what_needs_no_broker_can_be_typed(readme: Path, tmp_path: Path, desk: Path) -> None:
    commands = offline_commands(readme)
    assert [words[0] for words in commands] == ["profile", "profile", "produce", "rates"]
    for words in commands:
        ours = [word.replace("streets/ours", str(tmp_path / "streets" / "ours")) for word in words]
        result = CliRunner(env={"COLUMNS": "80"}).invoke(app, ours)
        assert result.exit_code == 0, f"gridrates {' '.join(words)}: {result.output}"
    assert (tmp_path / "streets" / "ours" / "mapping.yaml").exists()
