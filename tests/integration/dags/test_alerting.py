"""Who is told when a task fails for good, and when that is over. Airflow is real; stages are played."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dags import alerting
from gridrates import pipeline
from gridrates.alerts import Alert, fire, open_alerts
from gridrates.errors import GateError, ServiceUnavailable
from gridrates.health import Finding, judge
from gridrates.settings import Settings, load_settings

# Airflow and the libraries it brings warn of each other; warnings of ours are errors in all the other tests.
pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore")]

Told = list[dict[str, Any]]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """What a webhook was told; the tasks' settings name it."""
    messages: Told = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("GRIDRATES_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GRIDRATES_ALERT_WEBHOOK_URL", f"http://127.0.0.1:{server.server_port}/")
    yield messages
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let stages answer as given, or raise what is given."""

    def stage(answer: Any) -> Callable[..., Any]:
        def called(*_: Any) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        return called

    def stand_in(**answers: Any) -> None:
        for name, answer in answers.items():
            monkeypatch.setattr(pipeline, name, stage(answer))

    return stand_in


def keys(told: Told) -> list[tuple[str, str]]:
    return [(each["status"], each["key"]) for each in told]


def test_a_failure_is_told_once_and_its_end_too(told: Told, play: Any, run_dag: Any) -> None:
    play(transform=GateError("The ledger is broken.", remedy="Restore it."))
    for _ in range(2):
        assert run_dag("daily_rates").state == "failed"
    assert keys(told) == [("firing", "daily_rates.transform")]
    assert told[0]["what"] == "daily_rates.transform failed: The ledger is broken. Restore it."
    assert told[0]["page"] == "docs/runbooks/task-failed.md"
    assert "daily_rates" in told[0]["link"]

    play(transform=[])
    for _ in range(2):
        assert run_dag("daily_rates").state == "success"
    assert keys(told)[1:] == [("resolved", "daily_rates.transform")]


def test_held_back_dates_are_named(told: Told, play: Any, run_dag: Any) -> None:
    days = ["2026-05-01", "2026-05-02"]
    play(transform=days, check_marts=days[:1], publish=days[:1])
    assert run_dag("daily_rates").state == "failed"
    assert keys(told) == [("firing", "daily_rates.hold_backs")]
    assert (told[0]["dates"], told[0]["runbook"]) == (["2026-05-02"], "held-back")


def test_rates_that_are_late_are_told_and_that_they_came(told: Told, play: Any, run_dag: Any) -> None:
    play(is_published=False)
    assert run_dag("rates_due").state == "failed"
    assert keys(told) == [("firing", "rates_due.published")]
    assert told[0]["runbook"] == "stale-rates" and len(told[0]["dates"]) == 1

    day = ["2026-05-01"]
    play(transform=day, check_marts=day, publish=day)
    assert run_dag("daily_rates").state == "success"
    assert len(told) == 1, "another date does not make up for it"
    play(is_published=True)
    assert run_dag("daily_rates").state == "success"
    assert keys(told)[1:] == [("resolved", "rates_due.published")]


def finding(settings: Settings, check: str, value: float) -> Finding:
    (found,) = judge(settings, check, [("x", value)])
    return found


def test_what_is_beyond_its_limit_is_told_and_red_fails(told: Told, play: Any, run_dag: Any) -> None:
    settings = load_settings()
    play(check_health=[finding(settings, "lag", 1e6), finding(settings, "conflicts", 11)])
    run = run_dag("pipeline_health")
    assert run.tasks == {"measure": "success", "verdict": "failed"}
    assert sorted(keys(told)) == [("firing", "health/conflicts"), ("firing", "health/lag")]
    by_key = {each["key"]: each for each in told}
    assert (by_key["health/lag"]["severity"], by_key["health/lag"]["runbook"]) == ("critical", "lag")
    assert by_key["health/conflicts"]["severity"] == "warning"

    play(check_health=[finding(settings, "conflicts", 11)])
    assert run_dag("pipeline_health").state == "success", "yellow does not fail"
    assert keys(told)[2:] == [("resolved", "health/lag")]


def test_a_broker_that_is_away_is_one_alert_whoever_notices(told: Told, play: Any, run_dag: Any) -> None:
    settings = load_settings()
    context = {"ti": SimpleNamespace(dag_id="land_case_events", task_id="land", log_url="http://x")}
    # As Airflow calls it after the last try; the tries themselves take minutes.
    alerting.failed(context | {"exception": ServiceUnavailable("Kafka does not answer.", remedy="Start it.")})
    away = [finding(settings, "kafka", 1), finding(settings, "conflicts", 0)]
    fire(settings, Alert("health/lag", "x", severity="warning"), now=datetime.now(UTC) - timedelta(hours=1))
    play(check_health=away)
    run_dag("pipeline_health")
    assert keys(told) == [("firing", "kafka"), ("firing", "health/lag")]
    assert "health/lag" in open_alerts(settings), "what cannot be measured is not over"

    play(land=SimpleNamespace(landed=0))
    assert run_dag("land_case_events").state == "success"
    assert keys(told)[2:] == [("resolved", "kafka")]
