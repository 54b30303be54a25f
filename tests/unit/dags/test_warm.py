"""The scheduler has imported what its tasks need; the other processes have not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.airflow_home import write_local_settings

# As Airflow's command line does: the words first, then the settings, which import ours.
PROGRAM = """
import gc, sys
sys.argv = ["airflow", *sys.argv[1:]]
from airflow import settings
settings.prepare_syspath_for_config_and_plugins()
settings.import_local_settings()
import threading
print([name in sys.modules for name in ("great_expectations", "gridrates.pipeline", "duckdb")])
models, rules = sys.modules.get("transforms.models"), sys.modules.get("expectations.rendering")
print(bool(models and models.tables_read.cache_info().currsize))
print(bool(rules and rules._template.cache_info().currsize))
print(gc.get_freeze_count() > 0)
print([thread.name for thread in threading.enumerate()])
"""


@pytest.mark.parametrize(
    ("role", "is_warm"),
    [pytest.param("scheduler", True, marks=pytest.mark.full), ("triggerer", False), ("dags", False)],
)
def test_only_the_scheduler_is_warm_and_starts_no_thread(tmp_path: Path, role: str, is_warm: bool) -> None:
    """A thread would not survive the fork that makes a task, and might hold a lock in it."""
    write_local_settings(tmp_path)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "GRIDRATES"))}
    environment |= {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    command = [sys.executable, "-c", PROGRAM, role, "--skip-serve-logs"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *_, modules, models, rules, frozen, threads = done.stdout.splitlines()
    assert modules == str([is_warm] * 3)
    assert (models, rules, frozen) == (str(is_warm),) * 3
    assert threads == "['MainThread']"
