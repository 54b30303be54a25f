"""Deaths in the middle of runs of a real Airflow, late events, a broker that is away: the figures come right.

The tests share a stack and stand in the order in which they are run.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deploy import local_airflow
from gridrates.alerts import open_alerts
from tests.faults.dags.stack import DAGS, FINAL, Stack, running, wait_for
from warehouse.live import open_live

pytestmark = [
    pytest.mark.full,
    pytest.mark.airflow,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore"),
]

DAYS = 40
AWAY_SECONDS = 300


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A street whose last forty days are published, and a landing every minute in any case."""
    with running(tmp_path_factory.mktemp("deaths"), land_every_minutes=1) as made:
        made.await_published(made.send(made.days(DAYS)))
        made.await_quiet()
        yield made


def test_a_late_event_for_each_of_forty_dates_restates_them_in_a_handful_of_runs(stack: Stack) -> None:
    before = len(stack.runs("daily_rates"))
    days = stack.days(DAYS)
    stack.await_published(stack.send(days))
    stack.await_quiet()
    restated = {day for (day,) in stack.query("SELECT DISTINCT business_date FROM restatements")}
    # A visit falls due a day after the case was closed.
    assert set(days) <= restated <= {*days, max(days) + timedelta(days=1)}
    total = "level = 'total' AND work_type = 'all'"
    counts = f"SELECT filed_count FROM daily_rates WHERE {total} AND business_date < $day"
    assert {count for (count,) in stack.query(counts, day=stack.today) if count} == {2}
    assert len(stack.runs("daily_rates")) - before <= 3


@pytest.mark.parametrize("dag_id", DAGS)
def test_a_task_is_killed(stack: Stack, dag_id: str) -> None:
    cases = stack.send(stack.days(5))
    stack.await_running(dag_id)
    wait_for(stack.kill_task, 60, "a task to kill")
    stack.await_published(cases)


@pytest.mark.parametrize("name", ["scheduler", "triggerer", "dag-processor", "api-server"])
def test_a_process_of_airflow_is_killed_in_the_middle_of_a_run(stack: Stack, name: str) -> None:
    cases = stack.send(stack.days(5))
    stack.await_running("land_case_events")
    stack.kill(name)
    stack.start()
    stack.await_published(cases, seconds=420)


def test_without_a_triggerer_the_fallback_lands(stack: Stack) -> None:
    stack.kill("triggerer")
    begun = time.monotonic()
    stack.await_published(stack.send(stack.days(3)), seconds=180)
    print(f"landed by the clock after {time.monotonic() - begun:.0f} s")
    assert "triggerer" in (local_airflow.find(stack.settings.home_dir) or pytest.fail("Airflow is gone")).dead
    stack.start()


def test_a_command_by_hand_waits_its_turn(stack: Stack) -> None:
    """Two that want to write: the second waits, or says who writes; both figures are right."""
    cases = stack.send(stack.days(3))
    stack.await_running("land_case_events")
    command = [sys.executable, "-m", "gridrates", "--home", str(stack.settings.home_dir), "run"]
    environment = {"GRIDRATES_LOCK_TIMEOUT_SECONDS": "120", "PATH": str(Path(sys.executable).parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    stack.await_published(cases)


def test_the_broker_is_killed_in_the_middle_of_a_run(stack: Stack) -> None:
    cases = stack.send(stack.days(5))
    stack.await_running("land_case_events")
    stack.kill_broker()
    stack.start()
    stack.await_published(cases)


def test_a_broker_that_is_away_for_minutes_is_one_alert_and_its_end(stack: Stack) -> None:
    stack.await_quiet()
    stack.told.clear()
    cases = stack.send(stack.days(5))
    stack.kill_broker()
    begun = len(stack.runs("land_case_events"))
    time.sleep(AWAY_SECONDS)
    about_kafka = [(each["status"], each["key"]) for each in stack.told if each["key"] == "kafka"]
    assert about_kafka == [("firing", "kafka")]
    assert len(stack.runs("land_case_events")) - begun <= AWAY_SECONDS / 60 + 1, "no storm of runs"
    stack.start()
    stack.await_published(cases)
    wait_for(lambda: "kafka" not in open_alerts(stack.settings), 120, "the end of the alert")
    told = [(each["status"], each["key"]) for each in stack.told if each["key"] == "kafka"]
    assert told == [("firing", "kafka"), ("resolved", "kafka")]


def test_after_all_of_it_nothing_is_lost_doubled_or_hanging(stack: Stack, tmp_path: Path) -> None:
    stack.await_quiet(seconds=420)
    for dag_id in DAGS:
        assert {run["state"] for run in stack.runs(dag_id)} <= set(FINAL)
    local_airflow.stop(stack.settings.home_dir)
    with open_live(stack.settings, command="test") as connection:
        count = "SELECT count(*), count(DISTINCT event_id) FROM raw_event"
        assert connection.execute(count).fetchall() == [(stack.sent, stack.sent)]
    assert stack.figures() == stack.rebuilt(tmp_path / "again")
