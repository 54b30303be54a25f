"""What a container does first, run without one; an `airflow` of our own says how it was called."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from deploy.container import airflow_environment, check_health, commands, fresh_secrets
from gridrates.errors import InputError, ServiceUnavailable

# Compose gives two of the secrets another name inside.
INSIDE = {
    "AIRFLOW_FERNET_KEY": "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW_JWT_SECRET": "AIRFLOW__API_AUTH__JWT_SECRET",
    "AIRFLOW_SECRET_KEY": "AIRFLOW__API__SECRET_KEY",
}
ROLES = ("api-server", "scheduler", "dag-processor", "triggerer")
SAYS = """#!/bin/sh
printf '%s\\n' "$*" >> "$SAID"
printf '%s' "$AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" > "$SAID.address"
exit "${STATUS:-0}"
"""


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    """The variables of a container, with an `airflow` that notes its words in `said`."""
    secrets = dict(line.split("=", 1) for line in fresh_secrets().splitlines())
    program = tmp_path / "bin" / "airflow"
    program.parent.mkdir()
    program.write_text(SAYS)
    program.chmod(0o755)
    return {INSIDE.get(name, name): value for name, value in secrets.items()} | {
        "AIRFLOW_HOME": str(tmp_path),
        "SAID": str(tmp_path / "said"),
        "PATH": f"{program.parent}:{os.environ['PATH']}",
    }


def run(given: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.container", *words]
    return subprocess.run(command, env=given, capture_output=True, text=True, check=False, timeout=60)


def said(given: dict[str, str]) -> list[str]:
    return Path(given["SAID"]).read_text().splitlines()


def test_prepare_migrates_and_makes_the_pool(given: dict[str, str]) -> None:
    assert run(given, "prepare").returncode == 0
    migrate, pools = said(given)
    assert migrate == "db migrate"
    words = pools.split()
    assert words[:2] == ["pools", "import"]
    assert json.loads(Path(words[2]).read_text())["warehouse_writer"]["slots"] == 1


def test_a_step_that_fails_ends_the_container_with_its_status(given: dict[str, str]) -> None:
    assert run(given | {"STATUS": "7"}, "prepare").returncode == 7
    assert said(given) == ["db migrate"]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_becomes_airflow(given: dict[str, str], role: str) -> None:
    done = run(given, role)
    assert (done.returncode, done.stderr) == (0, "")
    assert said(given)[0].split()[0] == role
    local = Path(given["AIRFLOW_HOME"]) / "config" / "airflow_local_settings.py"
    compile(local.read_text(), local, "exec")


def test_the_database_takes_any_password(given: dict[str, str]) -> None:
    strange = "p@ss/w%rd:#?字"
    run(given | {"POSTGRES_PASSWORD": strange}, "scheduler")
    address = make_url(Path(given["SAID"] + ".address").read_text())
    assert (address.password, address.host, address.database) == (strange, "postgres", "airflow")


def test_only_who_asks_for_passwords_keeps_them(given: dict[str, str]) -> None:
    file = Path(given["AIRFLOW_HOME"]) / "passwords.json"
    run(given, "scheduler")
    assert not file.exists()
    run(given, "api-server")
    assert json.loads(file.read_text()) == {"admin": given["AIRFLOW_ADMIN_PASSWORD"]}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "name", ["POSTGRES_PASSWORD", "AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET"]
)
def test_a_missing_secret_is_named_and_nothing_starts(given: dict[str, str], name: str) -> None:
    del given[name]
    done = run(given, "scheduler")
    assert done.returncode == 2
    assert name in done.stderr and "deploy.container secrets" in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path(given["SAID"]).exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AIRFLOW__CORE__FERNET_KEY", "not a key"),
        ("AIRFLOW__CORE__FERNET_KEY", base64.urlsafe_b64encode(b"short").decode()),
        ("AIRFLOW__API_AUTH__JWT_SECRET", "x" * 63),
        ("AIRFLOW__API__SECRET_KEY", "short"),
    ],
)
def test_a_weak_secret_is_refused(given: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(InputError, match=name):
        airflow_environment(given | {name: value})


def test_a_weak_password_is_refused_where_people_log_in(given: dict[str, str]) -> None:
    with pytest.raises(InputError, match="AIRFLOW_ADMIN_PASSWORD"):
        commands("api-server", given | {"AIRFLOW_ADMIN_PASSWORD": "admin"})
    assert commands("scheduler", given | {"AIRFLOW_ADMIN_PASSWORD": ""})


@pytest.mark.parametrize("words", [[], ["worker"], ["prepare", "more"]])
def test_a_role_there_is_not_is_told(given: dict[str, str], words: list[str]) -> None:
    done = run(given, *words)
    assert done.returncode == 2
    assert "api-server" in done.stderr


def test_our_own_commands_run_too(given: dict[str, str]) -> None:
    beside = Path(sys.executable).parent
    done = run(given | {"PATH": f"{beside}:{given['PATH']}"}, "gridrates", "--version")
    assert done.stdout.startswith("gridrates ")


def test_secrets_are_new_each_time() -> None:
    first, second = fresh_secrets(), fresh_secrets()
    assert not set(first.splitlines()) & set(second.splitlines())


REPORT = {"metadatabase": {"status": "healthy"}, "scheduler": {"status": "unhealthy"}}


@pytest.fixture
def airflow() -> Iterator[str]:
    """A server that reports as Airflow does."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(REPORT).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Health)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_health_is_what_airflow_says(airflow: str) -> None:
    check_health("api-server", airflow)
    for name, state in (("scheduler", "unhealthy"), ("triggerer", "None")):
        with pytest.raises(ServiceUnavailable, match=f"{name}: {state}"):
            check_health(name, airflow)


def test_health_of_nobody_is_bad(given: dict[str, str]) -> None:
    done = run(given | {"AIRFLOW_HEALTH_URL": "http://127.0.0.1:9/"}, "health", "scheduler")
    assert done.returncode == 3
    assert "does not answer" in done.stderr
