"""Every `--json` prints one JSON text on standard output and nothing else there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from gridrates.cli import app
from gridrates.kafka import producer
from gridrates.settings import Settings
from tests.integration.cli.commandline import CommandLine
from tests.integration.cli.street import DAY, WAITING
from tests.open311 import MAPPING, Town, serving
from tests.unit.cli.test_help import every_command

PROFILES = Path(__file__).parents[3] / "profiles"
SIMULATED = (
    "--scenario",
    str(PROFILES / "demo-street" / "scenario.yaml"),
    "--scale",
    "0.01",
    "--out",
    "sim.jsonl",
)
# Each command that has --json: what else it is given, its exit code, and keys of what it prints.
CALLS: dict[str, tuple[tuple[str, ...], int, set[str]]] = {
    "run": ((), 0, {"landing", "computed", "held_back", "generation", "seconds"}),
    "land": ((), 0, {"read", "landed", "duplicates", "rejected"}),
    "check": ((), 0, {"held_back"}),
    "transform": (("--dates", DAY), 0, {"cases", "dates"}),
    "publish": ((), 0, {"generation", "rows"}),
    "rates": (("--date", DAY), 0, {"generation", "rates", "indicators"}),
    "explain": (("closure_rate", "--date", DAY, "--code", "total"), 0, set()),
    "report": (("--date", DAY, "--out", "reports"), 0, set()),
    "status": ((), 10, {"level", "lines"}),
    "health": ((), 20, {"level", "findings"}),
    "alerts list": ((), 0, set()),
    "maintain": ((), 0, set()),
    "replay": ((), 0, set()),
    "held list": ((), 0, set()),
    "dead-letters list": ((), 0, set()),
    "dead-letters show": (("1",), 0, {"reason_code"}),
    "dead-letters replay": (("1", "--mend", "payload || '}'"), 2, set()),
    "dead-letters discard": (("1", "--note", "no event"), 0, set()),
    "dev up": ((), 0, {"kafka", "airflow"}),
    "dev down": ((), 0, {"kafka", "airflow"}),
    "dev status": ((), 0, {"kafka", "airflow"}),
    "produce csv": (("export.csv", "--profile", "ours", "--dry-run"), 0, {"rows", "mapped", "rejected"}),
    "produce events": (("events.jsonl",), 0, {"read", "sent", "rejected"}),
    "produce open311": (("--mapping", "open311.yaml", "--dry-run"), 0, {"requests", "rows", "rejected"}),
    "produce rates": ((), 0, {"sent", "topic", "dates"}),
    "produce simulate": (SIMULATED, 0, {"records", "events", "malformed"}),
    "profile new": (("ours-too", "--from", "export.csv"), 0, {"files", "rows", "roles"}),
    "profile check": (("ours",), 0, {"profile", "findings"}),
}


def commands_with_json() -> set[str]:
    found = every_command(get_command(app))
    return {name for name, command in found if any("--json" in p.opts for p in command.params)}  # type: ignore[attr-defined]


def test_every_command_with_json_is_called_here() -> None:
    assert set(CALLS) == commands_with_json()


@pytest.fixture
def desk(gridrates: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The street, with an export, its profile and a file of events in the working folder."""
    monkeypatch.chdir(gridrates.folder)
    rows = "".join(f"{n},2026-06-{n + 1:02} 08:00:00,G1\n" for n in range(20))
    Path("export.csv").write_text(f"工单编号,上报时间,所属网格\n{rows}", encoding="utf-8")
    Path("open311.yaml").write_text(MAPPING, encoding="utf-8")
    Path("events.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in WAITING))
    made = CliRunner().invoke(app, ["profile", "new", "ours", "--from", "export.csv"])
    assert made.exit_code == 0, made.output
    return gridrates


def send_broken(settings: Settings) -> None:
    """One record that is no event, on the street's topic."""
    with producer(settings) as sender:
        sender.send(settings.topic, b"{")


@pytest.mark.parametrize("command", CALLS)
def test_json_is_all_that_is_printed(desk: CommandLine, command: str) -> None:
    words, code, keys = CALLS[command]
    variables = {name: value for name, value in desk.variables.items() if name.startswith("GRIDRATES_")}
    if command == "produce events":
        # What waits on the street's own topic is counted by other tests.
        variables["GRIDRATES_TOPIC"] += "-beside"
    if command.startswith("dead-letters"):
        send_broken(desk.settings)
        desk("land").worked()
    if command == "produce simulate":
        variables["GRIDRATES_PROFILE"] = "demo-street"
    with serving(Town()) as town:
        words = (town.url, *words) if command == "produce open311" else words
        result = CliRunner(env=variables).invoke(app, [*command.split(), *words, "--json"])
    assert result.exit_code == code, result.output
    content: Any = json.loads(result.stdout)
    assert keys <= set(content)


def test_a_query_may_be_answered_in_json(desk: CommandLine) -> None:
    answer = desk(
        "query", "SELECT 1.5::DECIMAL(3, 1) AS x, DATE '2026-05-02' AS d, NULL AS n", "--format", "json"
    )
    assert answer.worked().content == [{"x": 1.5, "d": "2026-05-02", "n": None}]
    assert answer.err == ""


def test_a_failure_leaves_standard_output_empty(desk: CommandLine) -> None:
    ended = desk("rates", "--date", "2026-13-01", "--json")
    ended.refused(2, "2026-13-01")
    assert ended.out == ""
