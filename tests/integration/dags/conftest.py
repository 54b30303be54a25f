"""Airflow in the tests' own process: a database of its own, and DAGs that run to their end at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DAGS = Path(__file__).parents[3] / "dags"


@dataclass(frozen=True)
class Ran:
    """How a run ended: its state, each task's state, and the asset events it sent as (asset, key, extra)."""

    state: str
    tasks: dict[str, str]
    events: list[tuple[str, str | None, dict[str, Any]]]


@pytest.fixture(scope="session")
def database() -> None:
    """The tables of the session's Airflow, and the pool."""
    for words in (["db", "migrate"], ["pools", "import", str(DAGS / "pools.json")]):
        command = [sys.executable, "-m", "airflow", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def run_dag(database: None) -> Callable[..., Ran]:
    """Run a DAG of ours, as a person would by hand: `run_dag("daily_rates", run_conf={…})`."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(DAGS), known_pools={"warehouse_writer", "default_pool"})

    def run(dag_id: str, **options: Any) -> Ran:
        finished = bag.dags[dag_id].test(**options)
        return Ran(str(finished.state), *_records(dag_id, finished.run_id))

    return run


def _records(dag_id: str, run_id: str) -> tuple[dict[str, str], list[tuple[str, str | None, dict[str, Any]]]]:
    from airflow.models.asset import AssetEvent
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        tasks = session.query(TaskInstance).filter_by(dag_id=dag_id, run_id=run_id).all()
        events = session.query(AssetEvent).filter_by(source_dag_id=dag_id, source_run_id=run_id).all()
        sent = sorted((event.name, event.partition_key, event.extra) for event in events)
        return {task.task_id: str(task.state) for task in tasks}, sent
