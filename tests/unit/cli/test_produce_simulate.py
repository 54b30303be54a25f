"""`gridrates produce simulate`: files, summaries, and what it says when it cannot."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gridrates.cli import app


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["--profile", "demo-street", "produce", "simulate", *arguments])


def test_a_file_and_a_summary_that_counts_its_lines(tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"
    result = simulate("--out", str(out), "--until", "2026-01-20", "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["records"] == len(out.read_bytes().splitlines()) > 1000
    assert summary["records"] == summary["events"] + summary["duplicates"] + sum(
        summary["malformed"].values()
    )
    assert summary["profile"] == "demo-street"


def test_standard_output_carries_events_only(tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"
    simulate("--out", str(out), "--until", "2026-01-05")
    result = simulate("--out", "-", "--until", "2026-01-05")
    assert result.stdout_bytes == out.read_bytes()
    assert "records sent" in result.stderr


def test_seed_and_scale_change_what_comes(tmp_path: Path) -> None:
    def made(*arguments: str) -> list[bytes]:
        out = tmp_path / "events.jsonl"
        assert simulate("--out", str(out), "--until", "2026-01-09", *arguments).exit_code == 0
        return out.read_bytes().splitlines()

    usual = made()
    assert made("--seed", "1") != usual == made("--seed", "20260101")
    assert 1.8 < len(made("--scale", "2")) / len(usual) < 2.2


def test_a_scenario_of_ones_own_moved_to_another_day(tmp_path: Path) -> None:
    plan = tmp_path / "mine.yaml"
    plan.write_text(
        """
starts_on: 2026-03-01
ends_on: 2026-03-05
streams:
  only:
    work_type: grid_case
    cases: {self_disposed: 7}
    categories: {event-2013-local: 1}
"""
    )
    result = simulate("--scenario", str(plan), "--from", "2025-05-01", "--out", "-")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(events) == 14
    assert {event["time"][:7] for event in events} == {"2025-05"}


def test_a_rate_may_be_asked_for(tmp_path: Path) -> None:
    result = simulate("--rate", "5000", "--until", "2026-01-02", "--out", str(tmp_path / "events.jsonl"))
    assert result.exit_code == 0
    assert "records sent" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scale", "0"], "--scale and --rate must be more than 0"),
        (["--rate", "-3"], "--scale and --rate must be more than 0"),
        (["--scenario", "nowhere.yaml"], "nowhere.yaml cannot be read"),
        (["--from", "2031-01-01", "--out", "-"], "The working days of 2030 are not published"),
    ],
)
def test_what_is_wrong_is_told_with_a_remedy_and_code_2(arguments: list[str], message: str) -> None:
    result = simulate(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "What to do:" in result.stderr


def test_without_a_broker_it_says_how_to_get_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--home", str(tmp_path), "produce", "simulate"])
    assert result.exit_code == 3
    assert "gridrates dev up" in result.stderr


def test_stopped_on_the_way_it_says_what_was_sent(tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"
    command = [sys.executable, "-m", "gridrates", "produce", "simulate", "--rate", "400", "--json"]
    with subprocess.Popen(
        [*command, "--out", str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up and not (out.exists() and out.stat().st_size):
            time.sleep(0.1)
        run.send_signal(signal.SIGTERM)
        told, remarks = run.communicate(timeout=60)
    assert run.returncode == 128 + signal.SIGTERM
    assert json.loads(told)["records"] == len(out.read_bytes().splitlines()) > 0
    assert b"Stopped before the end of the scenario." in remarks
