"""What a container of the stack does first: settings in, one process out.

Reads environment variables alone; writes into Airflow's home what its processes find there, and the password
file for the one that asks who logs in.
Guarantees that a process does not start with a secret missing, weak or malformed (exit code 2 and one line
that says what to do), and that it takes the container's place: signals reach it, its exit is the container's.

    python -m deploy.container prepare | api-server | scheduler | dag-processor | triggerer
    python -m deploy.container gridrates …     # any command of ours
    python -m deploy.container health NAME     # is this part of Airflow well? (for health checks)
    python -m deploy.container secrets         # a fresh .env for docker-compose.yml
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
import urllib.request
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from deploy.airflow_home import SCHEDULER, write_local_settings
from deploy.files import write_json
from gridrates.errors import GridratesError, InputError, ServiceUnavailable

AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer")
# Airflow warns with every call of a signature by a shorter one.
JWT_BYTES = 64
MAKE_SECRETS = "Make one: `python -m deploy.container secrets > .env`, then start the stack again."
HEALTH_URL = "http://api-server:8080/api/v2/monitor/health"
HEALTH_SECONDS = 5
# What Airflow calls the parts in its own report.
PARTS = {"api-server": "metadatabase", "dag-processor": "dag_processor"}

Checks = Mapping[str, Callable[[str], bool]]


def _is_fernet_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text)) == 32
    except ValueError:
        return False


# Variable → whether its value will do. The password is asked for where people log in.
SECRETS: Checks = {
    "POSTGRES_PASSWORD": bool,
    "AIRFLOW__CORE__FERNET_KEY": _is_fernet_key,
    "AIRFLOW__API_AUTH__JWT_SECRET": lambda text: len(text.encode()) >= JWT_BYTES,
    "AIRFLOW__API__SECRET_KEY": lambda text: len(text) >= 16,
}
LOGIN: Checks = {"AIRFLOW_ADMIN_PASSWORD": lambda text: len(text) >= 12}


def airflow_environment(given: Mapping[str, str]) -> dict[str, str]:
    """`given`, completed by what Airflow needs and Compose cannot say.

    That is the address of the database with its password encoded, where our DAGs are, and where people's
    passwords are.
    Raises InputError naming the variables that are missing or will not do.
    """
    _require(given, SECRETS)
    user, host, name = (
        given.get("POSTGRES_USER", "airflow"),
        given.get("POSTGRES_HOST", "postgres:5432"),
        given.get("POSTGRES_DB", "airflow"),
    )
    password = quote(given["POSTGRES_PASSWORD"], safe="")
    return dict(given) | {
        **SCHEDULER,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{user}:{password}@{host}/{name}",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder()),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # Events that reach a paused DAG are lost.
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords_file(given)),
    }


def dags_folder() -> Path:
    """Where the installed DAGs are."""
    spec = find_spec("dags")
    assert spec is not None and spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations)))


def passwords_file(given: Mapping[str, str]) -> Path:
    """The file Airflow's login reads."""
    return airflow_home(given) / "passwords.json"


def airflow_home(given: Mapping[str, str]) -> Path:
    """Where Airflow keeps its own things."""
    return Path(given.get("AIRFLOW_HOME", "/var/lib/airflow"))


def commands(role: str, given: Mapping[str, str]) -> list[list[str]]:
    """What a role runs, in order; the last command takes the container's place.

    Raises InputError for a role there is not, or a secret that will not do.
    """
    if role == "prepare":
        pools = str(dags_folder() / "pools.json")
        return [["airflow", "db", "migrate"], ["airflow", "pools", "import", pools]]
    if role not in AIRFLOW:
        raise InputError(f"There is no role {role!r}.", remedy=f"Name one of: prepare, {', '.join(AIRFLOW)}.")
    if role == "api-server":
        _require(given, LOGIN)
        write_json(passwords_file(given), {"admin": given["AIRFLOW_ADMIN_PASSWORD"]}, mode=0o600)
    write_local_settings(airflow_home(given))
    return [["airflow", role, *(["--skip-serve-logs"] if role in ("scheduler", "triggerer") else [])]]


def fresh_secrets() -> str:
    """A `.env` with every secret docker-compose.yml asks for, made anew."""
    made = {
        "POSTGRES_PASSWORD": secrets.token_urlsafe(24),
        "AIRFLOW_ADMIN_PASSWORD": secrets.token_urlsafe(15),
        "AIRFLOW_FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW_JWT_SECRET": secrets.token_urlsafe(JWT_BYTES),
        "AIRFLOW_SECRET_KEY": secrets.token_urlsafe(32),
        "GRAFANA_ADMIN_PASSWORD": secrets.token_urlsafe(15),
    }
    return "".join(f"{name}={value}\n" for name, value in made.items())


def check_health(name: str, url: str = HEALTH_URL) -> None:
    """Raise ServiceUnavailable unless Airflow reports this part of itself to be healthy."""
    part = PARTS.get(name, name)
    try:
        with urllib.request.urlopen(url, timeout=HEALTH_SECONDS) as answer:
            state = json.load(answer).get(part, {}).get("status")
    except (OSError, ValueError) as error:
        raise ServiceUnavailable(f"{url} does not answer: {error}.") from error
    if state != "healthy":
        raise ServiceUnavailable(f"Airflow says of its {name}: {state}.")


def _require(given: Mapping[str, str], checks: Checks) -> None:
    if missing := [name for name in checks if not given.get(name)]:
        raise InputError(f"Not set: {', '.join(missing)}.", remedy=MAKE_SECRETS)
    if wrong := [name for name, will_do in checks.items() if not will_do(given[name])]:
        raise InputError(f"Too short or malformed: {', '.join(wrong)}.", remedy=MAKE_SECRETS)


def start(role: str) -> None:
    """Run a role's commands; the last one does not return. Raises what `commands` raises."""
    environment = airflow_environment(os.environ)
    *before, last = commands(role, environment)
    for command in before:
        if status := os.spawnvpe(os.P_WAIT, command[0], command, environment):
            sys.exit(status)
    os.execvpe(last[0], last, environment)


def main(words: list[str]) -> None:
    """Do what the words say. A failure is one line and an exit code."""
    match words:
        case ["secrets"]:
            print(fresh_secrets(), end="")
        case ["health", name]:
            check_health(name, os.environ.get("AIRFLOW_HEALTH_URL", HEALTH_URL))
        case ["gridrates", *rest]:
            os.execvp("gridrates", ["gridrates", *rest])
        case [role]:
            start(role)
        case _:
            raise InputError("One role is wanted.", remedy=f"Name one of: prepare, {', '.join(AIRFLOW)}.")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except GridratesError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
