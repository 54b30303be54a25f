"""`gridrates demo`: the whole way of the events, shown once: Kafka, Airflow's own runs, the rates."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrates.cli import common
from gridrates.cli.dev import start_airflow, start_kafka
from gridrates.errors import GridratesError, InputError, ServiceUnavailable

if TYPE_CHECKING:
    from deploy.airflow_api import AirflowApi
    from deploy.local_airflow import Airflow
    from gridrates.settings import Settings

LANDING, RATES = "land_case_events", "daily_rates"
PATIENCE_SECONDS = 900
PAUSE_SECONDS = 1.0


def register(app: typer.Typer) -> None:
    """Add `gridrates demo`."""
    app.command(
        epilog=common.examples(
            "gridrates demo                                           # the demo street",
            "gridrates --profile boston-311 demo --csv boston.csv.gz  # a city's export",
        )
    )(demo)


def demo(
    ctx: typer.Context,
    csv: Annotated[
        Path | None, typer.Option(help="Send this export by the profile's mapping, not a simulated street.")
    ] = None,
    scale: Annotated[
        float, typer.Option(min=0, help="So many times the cases of the simulated street's scenario.")
    ] = 1.0,
) -> None:
    """Start Kafka and Airflow, send events, let the DAGs do the work, show the rates. All stays up.

    May be run again: events that were sent before change nothing.
    """
    if csv is not None and not csv.is_file():
        raise InputError(
            f"There is no export at {csv}.",
            remedy="Get it first and name it with --csv FILE (with make: make demo-boston BOSTON_CSV=FILE).",
        )
    settings = common.settings(ctx)
    clock = Stopwatch()
    start_kafka(settings)
    airflow = start_airflow(settings)
    clock.lap("Kafka and Airflow are up")
    since = datetime.now(UTC)
    _take_up(airflow.api)
    call(settings, "produce", *_source(settings, csv, scale))
    clock.lap("the events are on Kafka")
    wait_for_dags(settings, airflow.api, since)
    clock.lap("Airflow has landed, computed, checked and published them")
    call(settings, "rates")
    clock.lap("done")
    _tell_where(settings, airflow)


@dataclass(frozen=True)
class State:
    """How far the DAGs are, in words, and whether that is the end."""

    text: str
    is_done: bool = False


def _source(settings: Settings, csv: Path | None, scale: float) -> list[str]:
    if csv is None:
        return ["simulate", *([] if scale == 1 else ["--scale", str(scale)])]
    # An export may lie where nothing can be written.
    return ["csv", str(csv), "--rejects", str(settings.home_dir / "rejects")]


class Stopwatch:
    """Tells what is done, and how long it took."""

    def __init__(self) -> None:
        self._begun = self._lap = time.monotonic()

    def lap(self, done: str) -> None:
        """Tell the time since the last lap and since the beginning."""
        now = time.monotonic()
        common.say(f"✓ {done} ({now - self._lap:.0f} s, {now - self._begun:.0f} s in all)")
        self._lap = now


def call(settings: Settings, *words: str) -> None:
    """Run a command of ours as a person would, and show it. Exits as it does when it fails."""
    common.say(f"$ gridrates {shlex.join(words)}")
    root = ["--home", str(settings.home_dir), "--profile", settings.profile]
    code = subprocess.run([sys.executable, "-m", "gridrates", *root, *words], check=False).returncode
    if code:
        raise typer.Exit(code)


def wait_for_dags(
    settings: Settings, api: AirflowApi, since: datetime, *, patience_seconds: float = PATIENCE_SECONDS
) -> None:
    """Wait until everything on the topic has been landed and published by runs that came of themselves.

    Raises ServiceUnavailable when a run fails or the patience is at its end.
    """
    until = time.monotonic() + patience_seconds
    with common.stderr().status("Airflow notices the events …") as status:
        while not (state := _state(settings, api, since)).is_done:
            if time.monotonic() > until:
                raise ServiceUnavailable(
                    f"The DAGs have not finished after {patience_seconds:.0f} s: {state.text}.",
                    remedy=f"Look at them in Airflow: {api.url}",
                )
            status.update(state.text)
            time.sleep(PAUSE_SECONDS)


def _take_up(api: AirflowApi) -> None:
    """Start what failed in an earlier demo: the same events, sent again, would wake nobody."""
    for dag_id in (LANDING, RATES):
        _wait_until_known(api, dag_id)
        if any(run["state"] == "failed" for run in api.runs(dag_id, limit=1)):
            api.trigger(dag_id)


def _wait_until_known(api: AirflowApi, dag_id: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not api.has_dag(dag_id):
        if errors := api.import_errors():
            raise ServiceUnavailable(f"Airflow cannot read the DAGs: {errors}.", remedy="Mend what it says.")
        if time.monotonic() > until:
            raise ServiceUnavailable(f"Airflow does not know the DAG {dag_id}.", remedy="Read its logs.")
        time.sleep(PAUSE_SECONDS)


def _state(settings: Settings, api: AirflowApi, since: datetime) -> State:
    from gridrates.status import read_lag

    landings, passes = _runs(api, LANDING, since), _runs(api, RATES, since)
    for run in landings + passes:
        if run["state"] == "failed":
            raise _failed(api, run)
        if run["state"] != "success":
            return State(f"{run['dag_id']}: {_current_task(api, run)} …")
    behind = read_lag(settings).behind
    if behind or not landings:
        return State(f"{behind:,} records wait to be landed …")
    announced = max(filter(None, (_announced_at(api, run) for run in landings)), default=None)
    if announced and not any(_at(run["start_date"]) >= announced for run in passes):
        return State("the landing is announced …")
    return State("all is published", is_done=True)


def _runs(api: AirflowApi, dag_id: str, since: datetime) -> list[dict[str, Any]]:
    """The runs that began after `since`, or have not begun yet."""
    return [run for run in api.runs(dag_id) if run["start_date"] is None or _at(run["start_date"]) >= since]


def _current_task(api: AirflowApi, run: dict[str, Any]) -> str:
    states = {task["task_id"]: task["state"] for task in api.tasks(run["dag_id"], run["dag_run_id"])}
    for wanted in ("running", "up_for_retry", "queued", "scheduled"):
        for task_id, state in states.items():
            if state == wanted:
                return task_id if state == "running" else f"{task_id} ({state.replace('_', ' ')})"
    return str(run["state"])


def _announced_at(api: AirflowApi, run: dict[str, Any]) -> datetime | None:
    """When a landing woke the DAG of the rates; None when it landed nothing new."""
    tasks = {task["task_id"]: task for task in api.tasks(run["dag_id"], run["dag_run_id"])}
    land = tasks.get("land", {})
    return _at(land["end_date"]) if land.get("state") == "success" else None


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _failed(api: AirflowApi, run: dict[str, Any]) -> GridratesError:
    failed = dict(api.failed_tasks(run["dag_id"], run["dag_run_id"]))
    said = "; ".join(f"{task}: {error}" for task, error in failed.items()) or "no task says why"
    return ServiceUnavailable(
        f"Airflow's run of {run['dag_id']} failed ({said}).",
        remedy=f"Look at it in Airflow: {api.url} – then start the demo again. `make down` stops all.",
    )


def _tell_where(settings: Settings, airflow: Airflow) -> None:
    """Where to look, and what to try next."""
    own = "" if settings.home_dir == Path(".gridrates").absolute() else f"--home {_short(settings.home_dir)} "
    own += "" if settings.profile == "demo-street" else f"--profile {settings.profile} "
    lines = (
        ("Airflow", f"{airflow.url}  user admin, password in {_short(Path(airflow.passwords_file))}"),
        ("Published", f"{_short(settings.current_path)}  (DuckDB: open it read-only with any client)"),
        ("Next", f".venv/bin/gridrates {own}status"),
        ("", f".venv/bin/gridrates {own}rates --help"),
        ("", f".venv/bin/gridrates {own}query 'FROM daily_rates LIMIT 5'"),
        ("Stop", "make down"),
    )
    for title, text in lines:
        common.stdout().print(f"{title:<10} {text}", markup=False)


def _short(path: Path) -> str:
    """Relative to where we are, if it is below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
