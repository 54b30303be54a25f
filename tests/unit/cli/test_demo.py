"""When the demo is over: every turn that the DAGs' runs can take, played by a small stand-in for Airflow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from gridrates import status
from gridrates.cli import app, demo
from gridrates.errors import ServiceUnavailable
from gridrates.settings import Settings

SINCE = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def at(second: int) -> str:
    return f"2026-05-01T12:{second // 60:02}:{second % 60:02}Z"


def run(dag_id: str, state: str, begin: int | None, **tasks: tuple[str, int]) -> dict[str, Any]:
    """A run with its tasks: name=(state, end)."""
    return {
        "dag_id": dag_id,
        "dag_run_id": f"{dag_id}-{begin}",
        "state": state,
        "start_date": None if begin is None else at(begin),
        "tasks": [
            {"task_id": name, "state": state, "end_date": at(end)} for name, (state, end) in tasks.items()
        ],
    }


def landing(begin: int, announced: int | None) -> dict[str, Any]:
    land = ("skipped", begin + 1) if announced is None else ("success", announced)
    return run("land_case_events", "success", begin, land=land)


class StandIn:
    """An Airflow whose runs are given."""

    url = "http://airflow"

    def __init__(self, *runs: dict[str, Any]) -> None:
        self.all = list(runs)
        self.triggered: list[str] = []

    def runs(self, dag_id: str, *, limit: int = 20) -> list[dict[str, Any]]:
        return [each for each in self.all if each["dag_id"] == dag_id][:limit]

    def tasks(self, _dag_id: str, run_id: str) -> list[dict[str, Any]]:
        return next(each["tasks"] for each in self.all if each["dag_run_id"] == run_id)

    def failed_tasks(self, dag_id: str, run_id: str) -> list[tuple[str, str]]:
        return [
            (t["task_id"], "GateError: why") for t in self.tasks(dag_id, run_id) if t["state"] == "failed"
        ]

    def trigger(self, dag_id: str) -> None:
        self.triggered.append(dag_id)

    def has_dag(self, _dag_id: str) -> bool:
        return True


@pytest.fixture
def state(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., demo.State]:
    """The demo's view of some runs, with so many records still to be landed."""

    def view(*runs: dict[str, Any], behind: int = 0) -> demo.State:
        monkeypatch.setattr(status, "read_lag", lambda _: SimpleNamespace(behind=behind))
        return demo._state(settings, StandIn(*runs), SINCE)  # type: ignore[arg-type]

    return view


def test_before_anything_is_noticed_records_wait(state: Any) -> None:
    assert state(behind=1234) == demo.State("1,234 records wait to be landed …")


def test_runs_of_earlier_demos_do_not_count(state: Any) -> None:
    old = run("daily_rates", "failed", -60) | {"start_date": "2026-05-01T11:00:00Z"}
    assert not state(old, behind=5).is_done


def test_a_run_under_way_is_shown_by_its_task(state: Any) -> None:
    running = run("daily_rates", "running", 5, transform=("success", 6), check_marts=("running", 0))
    assert state(running) == demo.State("daily_rates: check_marts …")
    retrying = run("daily_rates", "running", 5, transform=("up_for_retry", 6))
    assert state(retrying).text == "daily_rates: transform (up for retry) …"
    assert not state(run("daily_rates", "queued", None)).is_done


def test_a_landing_that_announced_must_be_followed_by_a_pass(state: Any) -> None:
    assert not state(landing(5, announced=8)).is_done
    before = run("daily_rates", "success", 7)
    assert not state(landing(5, announced=8), before).is_done, "it began before the announcement"
    assert state(landing(5, announced=8), before, run("daily_rates", "success", 9)).is_done


def test_what_came_later_must_be_landed_too(state: Any) -> None:
    done = (landing(5, announced=8), run("daily_rates", "success", 9))
    assert not state(*done, behind=1).is_done
    assert not state(landing(20, announced=22), *done).is_done


def test_when_nothing_is_new_a_landing_is_enough(state: Any) -> None:
    assert state(landing(5, announced=None)).is_done


def test_a_failed_run_is_told_with_its_tasks(state: Any) -> None:
    failed = run("daily_rates", "failed", 9, transform=("success", 9), check_marts=("failed", 10))
    with pytest.raises(ServiceUnavailable, match=r"daily_rates failed \(check_marts: GateError: why\)"):
        state(landing(5, announced=8), failed)


def test_patience_ends(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "read_lag", lambda _: SimpleNamespace(behind=7))
    monkeypatch.setattr(demo, "PAUSE_SECONDS", 0.01)
    with pytest.raises(ServiceUnavailable, match="not finished after 0 s: 7 records wait"):
        demo.wait_for_dags(settings, StandIn(), SINCE, patience_seconds=0.05)  # type: ignore[arg-type]


def test_what_failed_in_an_earlier_demo_is_started_again() -> None:
    api = StandIn(landing(1, announced=2), run("daily_rates", "failed", 3), run("daily_rates", "success", 1))
    demo._take_up(api)  # type: ignore[arg-type]
    assert api.triggered == ["daily_rates"]


def test_a_missing_export_is_told_before_anything_is_started(tmp_path: Path) -> None:
    home = tmp_path / "home"
    result = CliRunner().invoke(app, ["--home", str(home), "demo", "--csv", str(tmp_path / "none.csv.gz")])
    assert result.exit_code == 2
    assert "There is no export at" in result.stderr
    assert "BOSTON_CSV" in result.stderr
    assert not home.exists()
