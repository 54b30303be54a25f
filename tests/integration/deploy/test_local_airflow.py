"""The local stack as a newcomer meets it: one demo, looked at from all sides, then stopped.

Airflow's four processes are started once for this module; the tests stand in the order in which they are run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy import local_airflow, local_kafka
from deploy.airflow_api import AirflowApi
from deploy.local_airflow import PROCESSES, Airflow
from gridrates.errors import InputError, ResourceError, ServiceUnavailable
from gridrates.published_client import open_published
from gridrates.settings import Settings

pytestmark = [pytest.mark.full, pytest.mark.airflow, pytest.mark.kafka, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[3]


def gridrates(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gridrates", "--home", str(home), *words]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "GRIDRATES"))} | environment
    return subprocess.run(command, env=env, cwd=home.parent, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose name holds what breaks configuration files and paths."""
    folder = tmp_path_factory.mktemp("stack") / "街道 一,网格"
    yield folder
    local_airflow.stop(folder)
    local_kafka.stop(folder)


@pytest.fixture(scope="module")
def demo(home: Path) -> subprocess.CompletedProcess[str]:
    """The demo of a small street; a proxy that leads nowhere must not come in between."""
    nowhere = "http://127.0.0.1:9"
    return gridrates(home, "demo", "--scale", "0.1", HTTP_PROXY=nowhere, http_proxy=nowhere)


@pytest.fixture(scope="module")
def airflow(home: Path, demo: object) -> Airflow:
    found = local_airflow.find(home)
    assert found is not None
    return found


def session_of(airflow: Airflow) -> list[psutil.Process]:
    """Everything that Airflow's processes started and that still runs."""
    leaders = {daemon.pid for daemon in airflow.daemons.values()}
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) in leaders and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (OSError, psutil.Error):
            continue
    return found


def test_the_demo_shows_rates_that_the_dags_published_by_themselves(
    demo: subprocess.CompletedProcess[str], airflow: Airflow
) -> None:
    assert demo.returncode == 0, demo.stderr
    assert "$ gridrates produce simulate" in demo.stderr
    assert "结案率" in demo.stdout
    assert airflow.url in demo.stdout
    assert "make down" in demo.stdout
    for dag_id in ("land_case_events", "daily_rates"):
        assert {run["run_type"] for run in airflow.api.runs(dag_id)} <= {"asset_triggered", "scheduled"}
    assert any(run["run_type"] == "asset_triggered" for run in airflow.api.runs("land_case_events"))


def test_what_was_landed_is_published(demo: object, home: Path) -> None:
    with open_published(Settings(home=home)) as connection:
        assert connection.execute("SELECT count(*) > 100 FROM cases").fetchall() == [(True,)]
        assert connection.execute("SELECT count(*) > 100 FROM daily_rates").fetchall() == [(True,)]


def test_the_demo_may_be_run_again(airflow: Airflow, home: Path) -> None:
    again = gridrates(home, "demo", "--scale", "0.1")
    assert again.returncode == 0, again.stderr
    assert "结案率" in again.stdout
    assert local_airflow.find(home) == airflow


def test_nothing_listens_beyond_loopback(airflow: Airflow, home: Path) -> None:
    broker = local_kafka.find(home)
    assert broker is not None
    listening = [
        connection.laddr
        for process in [*session_of(airflow), psutil.Process(broker.pid)]
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_the_passwords_are_generated_and_private(airflow: Airflow) -> None:
    passwords = Path(airflow.passwords_file)
    assert passwords.stat().st_mode & 0o777 == 0o600
    known: dict[str, str] = json.loads(passwords.read_text())
    assert set(known) == {"admin", "ops"}
    assert min(map(len, known.values())) >= 16
    with pytest.raises(ServiceUnavailable, match="401"):
        AirflowApi(airflow.url, "admin", "admin").runs("daily_rates")
    viewer = AirflowApi(airflow.url, "ops", known["ops"])
    assert viewer.runs("daily_rates")
    with pytest.raises(ServiceUnavailable, match="403"):
        viewer.trigger("daily_rates")


def test_the_api_wants_a_login(airflow: Airflow) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{airflow.url}/api/v2/dags", timeout=30)


def test_a_failed_run_tells_why(airflow: Airflow) -> None:
    run_id = airflow.api.trigger("rates_due")
    assert airflow.api.wait("rates_due", run_id, timeout_seconds=120) == "failed"
    ((task, said),) = airflow.api.failed_tasks("rates_due", run_id)
    assert task == "published"
    assert "are not published" in said, "the street's half year is over long since"


def test_a_configuration_that_is_no_list_of_dates_is_refused(airflow: Airflow) -> None:
    with pytest.raises(ServiceUnavailable, match="400"):
        airflow.api.trigger("daily_rates", {"dates": "yesterday"})


def test_the_status_tells_where_and_how(airflow: Airflow, home: Path) -> None:
    shown = gridrates(home, "dev", "status")
    assert shown.returncode == 0
    assert f"running  {airflow.url}  user admin, password in {airflow.passwords_file}" in shown.stdout
    status: dict[str, Any] = json.loads(gridrates(home, "dev", "status", "--json").stdout)["airflow"]
    assert set(status["processes"]) == set(PROCESSES)


def test_another_port_is_refused_while_it_runs(airflow: Airflow, home: Path) -> None:
    refused = gridrates(home, "dev", "up", "--airflow", "--airflow-port", "1024")
    assert refused.returncode == InputError.exit_code
    assert f"already runs, at {airflow.url}." in refused.stderr


def test_other_settings_are_refused_while_it_runs(airflow: Airflow, home: Path) -> None:
    refused = gridrates(home, "dev", "up", "--airflow", GRIDRATES_TOPIC="other")
    assert refused.returncode == InputError.exit_code
    assert "with other settings (GRIDRATES_TOPIC)" in refused.stderr


def test_a_stack_that_lost_a_process_is_made_whole_again(airflow: Airflow, home: Path) -> None:
    os.kill(airflow.daemons["triggerer"].pid, 9)
    up = gridrates(home, "dev", "up", "--airflow")
    assert up.returncode == 0, up.stderr
    assert "had lost triggerer" in up.stderr
    whole = local_airflow.find(home)
    assert whole is not None
    assert (whole.dead, whole.url) == ([], airflow.url)
    run_id = whole.api.trigger("land_case_events")
    assert whole.api.wait("land_case_events", run_id, timeout_seconds=120) == "success"


def test_down_leaves_no_process_behind(airflow: Airflow, home: Path) -> None:
    """Not even one whose main process was killed before, nor a task that was running."""
    airflow = local_airflow.find(home) or airflow
    airflow.api.trigger("land_case_events")
    os.kill(airflow.daemons["scheduler"].pid, 9)
    until = time.monotonic() + 30
    while "scheduler" not in airflow.dead and time.monotonic() < until:
        time.sleep(0.1)
    assert local_airflow.status(home)["ailing"] == ["scheduler"]
    assert "unwell: scheduler" in gridrates(home, "dev", "status").stdout

    down = gridrates(home, "dev", "down")
    assert down.returncode == 0
    assert down.stdout.count("stopped") == 2
    assert [process.cmdline() for process in session_of(airflow)] == []
    assert local_airflow.find(home) is None
    assert local_airflow.stop(home) is False


def test_a_command_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    wrong = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "nonsense://"}
    with pytest.raises(ServiceUnavailable, match=r"`airflow db migrate` failed:(.|\n)*nonsense"):
        local_airflow.start(tmp_path, dags=ROOT / "dags", pools=ROOT / "dags/pools.json", environment=wrong)
    assert local_airflow.find(tmp_path) is None


def test_a_home_that_cannot_be_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(ResourceError, match="home/airflow cannot be written"):
        local_airflow.start(tmp_path / "home", dags=tmp_path, pools=tmp_path)


@pytest.mark.parametrize("note", ["", "{}", '{"processes": 1}', '{"processes": {"scheduler": [1]}}'])
def test_a_damaged_note_is_no_note(tmp_path: Path, note: str) -> None:
    (tmp_path / "airflow").mkdir()
    (tmp_path / "airflow" / "airflow.json").write_text(note)
    assert local_airflow.find(tmp_path) is None
    assert local_airflow.stop(tmp_path) is False
