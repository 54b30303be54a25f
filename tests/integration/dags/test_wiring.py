"""What a DAG does when a stage says something unusual. The stages are played here, Airflow is real."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from gridrates import handing_on, pipeline
from gridrates.errors import GateError, InputError, ServiceUnavailable

# Airflow and the libraries it brings warn of each other; warnings of ours are errors in all the other tests.
pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore")]

DAYS = ["2026-05-01", "2026-05-02", "2026-05-03"]


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[Any, ...]]]:
    """Play the stages: `stages(transform=DAYS)` answers so, an exception is raised; returns the calls."""
    calls: list[tuple[Any, ...]] = []
    usual = {
        "land": SimpleNamespace(landed=0),
        "transform": DAYS,
        "check_marts": DAYS,
        "publish": DAYS,
    }

    def play(name: str, answer: Any) -> Callable[..., Any]:
        def stage(_settings: Any, *arguments: Any) -> Any:
            calls.append((name, *arguments))
            if isinstance(answer, Exception):
                raise answer
            return answer

        return stage

    def stand_in(**answers: Any) -> list[tuple[Any, ...]]:
        for name, answer in (usual | answers).items():
            monkeypatch.setattr(pipeline, name, play(name, answer))
        return calls

    return stand_in


def test_the_stages_come_in_order_and_hand_on_their_dates(stages: Any, run_dag: Any) -> None:
    calls = stages(transform=DAYS[1:], check_marts=DAYS[1:])
    assert run_dag("daily_rates").state == "success"
    assert calls == [
        ("transform", []),
        ("check_marts", DAYS[1:]),
        ("publish", DAYS[1:]),
    ]


def test_a_held_back_date_fails_the_run_after_the_others_are_published(stages: Any, run_dag: Any) -> None:
    stages(check_marts=DAYS[:2], publish=DAYS[:2])
    rates = run_dag("daily_rates")
    assert rates.state == "failed"
    assert rates.tasks["publish"] == "success"
    assert rates.tasks["hold_backs"] == "failed"
    assert [key for _, key, _ in rates.events if key] == DAYS[:2]


def test_when_no_date_passes_nothing_is_announced(stages: Any, run_dag: Any) -> None:
    stages(check_marts=[], publish=[])
    rates = run_dag("daily_rates")
    assert rates.state == "failed"
    assert rates.tasks["publish"] == "skipped"
    assert rates.tasks["hold_backs"] == "failed"
    assert rates.events == []


@pytest.mark.parametrize(
    "error",
    [GateError("the ledger is broken"), pytest.param(InputError("no such profile"), marks=pytest.mark.full)],
)
def test_what_another_try_cannot_mend_is_not_tried_again(stages: Any, run_dag: Any, error: Exception) -> None:
    calls = stages(transform=error)
    rates = run_dag("daily_rates")
    assert rates.state == "failed"
    assert calls == [("transform", [])]
    assert rates.tasks["transform"] == "failed"
    assert rates.tasks["check_marts"] == "upstream_failed"


def test_what_may_pass_is_tried_again(stages: Any, run_dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka is away for a moment: the task is up for retry, not failed."""
    from dags import defaults

    stages(land=ServiceUnavailable("Kafka is away"))
    with pytest.raises(ServiceUnavailable):
        defaults.stage("land")


def test_landing_announces_what_is_new_and_nothing_else(stages: Any, run_dag: Any) -> None:
    stages()
    landing = run_dag("land_case_events")
    assert (landing.state, landing.tasks, landing.events) == ("success", {"land": "skipped"}, [])
    stages(land=SimpleNamespace(landed=1))
    landing = run_dag("land_case_events")
    assert landing.tasks == {"land": "success"}
    assert [name for name, *_ in landing.events] == ["stale_dates"]


def test_a_publication_is_handed_on_with_its_dates(stages: Any, run_dag: Any) -> None:
    stages()
    sent = [(name, extra) for name, key, extra in run_dag("daily_rates").events if key is None]
    assert sent == [("publication", {"dates": DAYS})]


def test_dates_asked_for_by_hand_are_handed_on(run_dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(handing_on, "write_reports", lambda _, days: calls.append(("reports", days)) or [])
    monkeypatch.setattr(handing_on, "send_rates", lambda _, days: calls.append(("rates", days)) or 0)
    run = run_dag("hand_on_rates", run_conf={"dates": DAYS[:2]})
    assert (run.state, sorted(calls)) == ("success", [("rates", DAYS[:2]), ("reports", DAYS[:2])])


def test_dates_that_are_no_dates_are_refused_before_anything_runs(stages: Any, run_dag: Any) -> None:
    calls = stages()
    with pytest.raises(Exception, match=r"yesterday|Invalid|format"):
        run_dag("daily_rates", run_conf={"dates": ["yesterday"]})
    assert calls == []
