"""docs/simulator.md keeps up with the scenario's keys, and its example runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel
from typer.main import get_command
from typer.testing import CliRunner

from gridrates.cli import app
from gridrates.profile import SHIPPED
from producers.simulator.scenario import (
    Activities,
    Burst,
    Fault,
    Faults,
    Life,
    Projects,
    Scenario,
    Stream,
    Turns,
)

PAGE = (Path(__file__).parents[4] / "docs" / "simulator.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([^`\n]+)`", PAGE))


@pytest.mark.parametrize("model", [Scenario, Stream, Activities, Projects, Faults, Burst])
def test_every_key_is_described(model: type[BaseModel]) -> None:
    written = {name for text in NAMED for name in re.findall(r"\w+", text)}
    assert {field.alias or name for name, field in model.model_fields.items()} <= written


@pytest.mark.parametrize("word", [*get_args(Life), *get_args(Fault)])
def test_every_life_and_fault_is_described(word: str) -> None:
    assert word in NAMED


def test_every_turn_is_described() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| `turns`"))
    said = row.replace("closed specially", "closed_specially")
    assert all(turn in said for turn in Turns.model_fields)


def test_every_option_is_described_and_no_other() -> None:
    command = get_command(app).commands["produce"].commands["simulate"]  # type: ignore[attr-defined]
    real = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    table = PAGE.split("## What can be relied on")[0]
    assert set(re.findall(r"--[a-z]+", table)) == real - {"--help"}


def test_every_shipped_scenario_is_listed() -> None:
    shipped = {path.parent.name for path in SHIPPED.glob("*/scenario.yaml")}
    listed = set(re.findall(r"^\| `([a-z-]+)` \|", PAGE.split("## Shipped scenarios")[1], re.MULTILINE))
    assert listed == shipped


def test_the_example_is_a_scenario_of_the_demo_street(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    plan = tmp_path / "example.yaml"
    plan.write_text(example, encoding="utf-8")
    out = tmp_path / "events.jsonl"
    result = CliRunner().invoke(
        app, ["--profile", "demo-street", "produce", "simulate", "--scenario", str(plan), "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    assert "945 cases reported" in result.stdout
