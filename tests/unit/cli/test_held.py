"""What the gate holds back, and letting it pass, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gridrates.cli import app
from gridrates.pipeline import Pass, open_pass
from gridrates.settings import Settings
from tests.published_street import NOW, make_published

RULE = "core_case.due_in_order"
RELEASE = ("release", RULE, "--by", "Li Wei", "--note", "a flood")


@pytest.fixture
def street(tmp_path: Path) -> Settings:
    """A street of which one case falls due at a moment that is not right."""
    street = make_published(tmp_path)
    with open_pass(street, "test", now=NOW) as this:
        this.connection.execute(
            "UPDATE core_case SET due_at = due_at + INTERVAL 1 MINUTE WHERE case_id = 'E0'"
        )
        this.check_marts(this.all_dates())
    return street


def held(street: Settings, *arguments: str) -> Result:
    options = ["--home", str(street.home), "--profile", street.profile, "held"]
    return CliRunner().invoke(app, [*options, *arguments])


def test_what_is_held_back_is_told_with_its_remedy_and_rows(street: Settings) -> None:
    shown = held(street, "list").stdout.splitlines()
    assert shown[0] == f"{RULE}: 1 business date, 2026-05-02, wrong rows at most on one: 1"
    assert shown[2] == '  rows: {"case_id":"E0"}'
    (hold,) = json.loads(held(street, "list", "--json").stdout)
    assert (hold["business_date"], hold["remedy"]) == ("2026-05-02", shown[1].strip())


def test_a_date_that_is_let_pass_says_so(street: Settings) -> None:
    told = held(street, *RELEASE, "--date", "2026-05-02").stdout
    assert told.startswith(f"{RULE} lets 2026-05-02 pass (wrong rows: 1).")
    with open_pass(street, "test", now=NOW) as this:
        assert this.check_marts(this.all_dates()) == {}
    assert held(street, "list").stdout.splitlines()[0].endswith(", 1 released")


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ((*RELEASE, "--date", "2026-05-01"), "It holds back 2026-05-02."),
        (("release", "core_case.x", "--by", "L", "--note", "n"), f"Name one of: {RULE}."),
    ],
)
def test_what_is_not_held_back_cannot_be_let_pass(
    street: Settings, arguments: tuple[str, ...], remedy: str
) -> None:
    refused = held(street, *arguments)
    assert refused.exit_code == 2
    assert f"What to do: {remedy}" in refused.stderr


def test_a_published_date_that_fails_a_check_is_told_and_stays_published(
    street: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The street was not landed, and has no ledger.
    monkeypatch.setattr(Pass, "check_raw", lambda _: None)
    options = ["--home", str(street.home), "--profile", street.profile, "check"]
    checked = CliRunner().invoke(app, [*options, "--json"])
    assert checked.exit_code == 5
    assert json.loads(checked.stdout) == {"held_back": {"2026-05-02": [RULE]}}
    assert f"The business date 2026-05-02 did not pass the gate: {RULE}." in checked.stderr
    assert "core_dispatch_task" in (street.home / "quality" / "docs" / "index.html").read_text("utf-8")
    with open_pass(street, "test", now=NOW) as this:
        marks = this.connection.execute("SELECT DISTINCT state FROM ops_business_date").fetchall()
    assert marks == [("published",)]


def test_nothing_held_back_is_said(tmp_path: Path) -> None:
    assert held(make_published(tmp_path), "list").stderr == "Nothing is held back.\n"
