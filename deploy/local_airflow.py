"""A real Airflow on this machine: its four processes on loopback, with SQLite and the local executor.

Reads and writes `<home>/airflow` (Airflow's own home): its configuration and database, `passwords.json`
(generated, readable by the owner alone), a log a process, `port.json`, and `airflow.json` (address and
processes, there while it runs). Guarantees that `start` returns only once all four report to be healthy, that
a running one is found again, and that `stop` leaves no process behind. For development and demonstration: a
production stack has another database and another way to log in.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.airflow_api import AirflowApi
from deploy.airflow_home import SCHEDULER, write_local_settings
from deploy.files import locked, make_directory, read_json, tail, write_json
from deploy.network import HOST, choose_port
from deploy.processes import Daemon, spawn, stop_all, wait
from gridrates.errors import InputError, ServiceUnavailable

# What each process is called with. Without --skip-serve-logs two of them would serve logs on every interface.
PROCESSES = {
    "api-server": (),
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
    "triggerer": ("--skip-serve-logs",),
}
USERS = {"admin": "admin", "ops": "viewer"}
START_SECONDS = 180
STOP_SECONDS = 30
LOCK_SECONDS = 300

Say = Callable[[str], None]


@dataclass(frozen=True)
class Airflow:
    """An Airflow that was started, as noted in `airflow.json`.

    `environment`: what its tasks were given; `processes`: name → (pid, birth).
    """

    url: str
    started_at: str
    passwords_file: str
    environment: dict[str, str]
    processes: dict[str, tuple[int, str]]

    @property
    def daemons(self) -> dict[str, Daemon]:
        """The processes by name."""
        return {name: Daemon(*noted) for name, noted in self.processes.items()}

    @property
    def dead(self) -> list[str]:
        """The names of the processes that do not run."""
        daemons = self.daemons
        return [name for name in PROCESSES if name not in daemons or not daemons[name].is_alive]

    @property
    def api(self) -> AirflowApi:
        """Its REST API, as the user `admin`."""
        password = str(read_json(Path(self.passwords_file)).get("admin", ""))
        return AirflowApi(self.url, "admin", password)


def _silent(_: str) -> None:
    pass


def start(
    home: Path,
    *,
    dags: Path,
    pools: Path,
    environment: Mapping[str, str] | None = None,
    port: int | None = None,
    say: Say = _silent,
) -> Airflow:
    """Start Airflow for the DAGs in the folder `dags`, or find it running; return when it is healthy.

    `pools` is a JSON file as `airflow pools import` reads it. `environment` reaches every process and task,
    beside our own environment. An Airflow that lost a process is started anew. Raises ServiceUnavailable (a
    process died, a port is taken), ResourceError (disk full, home cannot be written), InputError (it runs on
    another port, or with other settings).
    """
    folder = make_directory(_folder(home))
    with locked(folder / "lock", timeout_seconds=LOCK_SECONDS):
        airflow = _noted(folder)
        if airflow is None or airflow.dead:
            if airflow is not None:
                say(f"Airflow had lost {' and '.join(airflow.dead)}; starting it anew …")
                _stop(folder, airflow)
            return _start(folder, dags, pools, environment or {}, port, say)
        _require_same(airflow, environment or {}, port)
        _wait_until_healthy(folder, airflow)
        return airflow


def find(home: Path) -> Airflow | None:
    """The Airflow of `home`, if any of its processes runs; it may have lost others (`dead`)."""
    airflow = _noted(_folder(home))
    return airflow if airflow is not None and len(airflow.dead) < len(PROCESSES) else None


def stop(home: Path) -> bool:
    """Stop the Airflow of `home`; database and logs stay. Returns False when none was running."""
    folder = _folder(home)
    if not folder.is_dir():
        return False
    with locked(folder / "lock", timeout_seconds=LOCK_SECONDS):
        was_running = find(home) is not None
        # Also when its processes were all killed: what they had started may still run.
        if (airflow := _noted(folder)) is not None:
            _stop(folder, airflow)
        return was_running


def status(home: Path) -> dict[str, Any]:
    """What `gridrates dev status` shows.

    `state` (`running`, `unhealthy`, `stopped`), address, user, processes, the ailing ones, logs.
    """
    folder = _folder(home)
    airflow = find(home)
    if airflow is None:
        return {"state": "stopped", "logs": str(folder)}
    health = airflow.api.health()
    ailing = airflow.dead or [name for name, state in health.items() if state != "healthy"]
    return {
        "state": "unhealthy" if ailing or not health else "running",
        "url": airflow.url,
        "user": "admin",
        "passwords_file": airflow.passwords_file,
        "started_at": airflow.started_at,
        "processes": {name: daemon.pid for name, daemon in airflow.daemons.items()},
        "ailing": ailing,
        "logs": str(folder),
    }


def _folder(home: Path) -> Path:
    return home.expanduser().absolute() / "airflow"


def _noted(folder: Path) -> Airflow | None:
    try:
        noted = read_json(folder / "airflow.json")
        noted["processes"] = {name: tuple(process) for name, process in noted["processes"].items()}
        airflow = Airflow(**noted)
        return airflow if airflow.daemons else None
    except (KeyError, TypeError, AttributeError):
        return None


def _start(
    folder: Path, dags: Path, pools: Path, environment: Mapping[str, str], port: int | None, say: Say
) -> Airflow:
    chosen = choose_port(port, read_json(folder / "port.json").get("port"), "--airflow-port")
    write_json(folder / "port.json", {"port": chosen})
    passwords = _passwords(folder)
    everywhere = _environment(folder, dags, chosen) | dict(environment)
    write_local_settings(folder)
    say("Preparing Airflow's database …")
    _run(["db", "migrate"], folder, everywhere)
    _run(["pools", "import", str(pools)], folder, everywhere)
    say(f"Starting Airflow on {HOST}:{chosen} …")
    airflow = Airflow(f"http://{HOST}:{chosen}", _now(), str(passwords), dict(environment), {})
    try:
        for name, options in PROCESSES.items():
            airflow.processes[name] = _spawn(name, options, folder, everywhere)
            write_json(folder / "airflow.json", asdict(airflow))
        _wait_until_healthy(folder, airflow)
    except BaseException:
        _stop(folder, airflow)
        raise
    return airflow


def _require_same(airflow: Airflow, environment: Mapping[str, str], port: int | None) -> None:
    """Raise InputError when what runs is not what is asked for: its processes keep what they were given."""
    asked = environment.items() ^ airflow.environment.items()
    differing = ", ".join(sorted({name for name, _ in asked}))
    if differing or port not in (None, int(airflow.url.rpartition(":")[2])):
        raise InputError(
            f"Airflow already runs, at {airflow.url}"
            + (f", with other settings ({differing})." if differing else "."),
            remedy="Stop it first: `gridrates dev down`.",
        )


def _stop(folder: Path, airflow: Airflow) -> None:
    stop_all(list(airflow.daemons.values()), grace_seconds=STOP_SECONDS)
    (folder / "airflow.json").unlink(missing_ok=True)


def _spawn(
    name: str, options: tuple[str, ...], folder: Path, environment: Mapping[str, str]
) -> tuple[int, str]:
    log = folder / f"{name}.log"
    if log.exists():
        log.replace(folder / f"{name}.log.1")
    daemon = spawn(_airflow(name, *options), cwd=folder, log=log, env=environment)
    return daemon.pid, daemon.born


def _airflow(*words: str) -> list[str]:
    return [sys.executable, "-m", "airflow", *words]


def _run(words: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Run a short command of Airflow's. Raises ServiceUnavailable with the end of what it said."""
    done = subprocess.run(
        _airflow(*words),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        last = "\n".join(done.stdout.strip().splitlines()[-12:])
        raise ServiceUnavailable(
            f"`airflow {' '.join(words)}` failed:\n{last}\n",
            remedy=f"Mend what it says; if {folder} is of another version or damaged, delete that folder.",
        )


def _environment(folder: Path, dags: Path, port: int) -> dict[str, str]:
    """Ours without any other Airflow's settings, and with this one's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    # The processes talk to each other over HTTP: a proxy of the office must not come in between.
    without_proxy = ",".join(filter(None, [os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), HOST]))
    return inherited | {
        "NO_PROXY": without_proxy,
        "no_proxy": without_proxy,
        **SCHEDULER,
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        # Events that reach a paused DAG are lost.
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
            f"{user}:{role}" for user, role in USERS.items()
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://{HOST}:{port}",
    }


def _passwords(folder: Path) -> Path:
    """The file with the generated passwords; those of an earlier start are kept."""
    path = folder / "passwords.json"
    known = read_json(path)
    if set(known) != set(USERS):
        generated = {user: known.get(user) or secrets.token_urlsafe(12) for user in USERS}
        write_json(path, generated, mode=0o600)
    return path


def _wait_until_healthy(folder: Path, airflow: Airflow) -> None:
    """All four report to be well, and none has died. Raises ServiceUnavailable."""
    wait(lambda: bool(airflow.dead) or _is_healthy(airflow), START_SECONDS, pause_seconds=0.5)
    for name in airflow.dead:
        log = folder / f"{name}.log"
        last = "\n".join(tail(log, 12))
        raise ServiceUnavailable(
            f"Airflow's {name} died while it started. The last lines of {log}:\n{last}\n",
            remedy="Mend what they say and try again.",
        )
    if not _is_healthy(airflow):
        raise ServiceUnavailable(
            f"Airflow at {airflow.url} has not been healthy for {START_SECONDS} s: {airflow.api.health()}.",
            remedy=f"Read the logs in {folder}.",
        )


def _is_healthy(airflow: Airflow) -> bool:
    health = airflow.api.health()
    return bool(health) and set(health.values()) == {"healthy"}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
