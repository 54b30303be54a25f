"""What every DAG must be: quick to parse, the same in every process, with owner, retries, pools and help."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DAGS = Path(__file__).parents[3] / "dags"
HEAVY = ("duckdb", "kafka", "pyarrow", "great_expectations", "pandas")
DEADLINE_SECONDS = 0.5
OURS = {
    "land_case_events",
    "daily_rates",
    "hand_on_rates",
    "rates_due",
    "pipeline_health",
    "maintenance",
    "reprocess_dead_letters",
}

# What the DAG processor does, in a process of its own, told as JSON on its last line.
PARSE = f"""
import inspect, json, re, sys
import airflow.sdk
already = set(sys.modules)
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = DagBag({str(DAGS)!r}, known_pools={{"default_pool", *json.load(open({str(DAGS / "pools.json")!r}))}})
print()
print(json.dumps({{
    "errors": bag.import_errors,
    "warnings": bag.captured_warnings,
    "seconds": {{each.file: each.duration.total_seconds() for each in bag.dagbag_stats}},
    "heavy": [name for name in {HEAVY!r} if name in sys.modules and name not in already],
    "dags": {{dag_id: DagSerialization.to_dict(dag) for dag_id, dag in sorted(bag.dags.items())}},
    "docs": {{dag_id: dag.doc_md for dag_id, dag in bag.dags.items()}},
    "tasks": {{
        f"{{dag_id}}.{{task.task_id}}": {{
            "owner": task.owner,
            "retries": task.retries,
            "pool": task.pool,
            "timeout": task.execution_timeout and task.execution_timeout.total_seconds(),
            "tells": [[each.__name__ for each in calls or ()] for calls in
                      (task.on_failure_callback, task.on_success_callback)],
            "doc": task.python_callable.__doc__,
            "names": task.python_callable.__code__.co_names,
            "constants": [each for each in task.python_callable.__code__.co_consts if isinstance(each, str)],
            "stages": re.findall(r'stage\\("(\\w+)"', inspect.getsource(task.python_callable)),
            "handed_on": re.findall(r'hand_on\\("(\\w+)"', inspect.getsource(task.python_callable)),
            "upkeep": re.findall(r'maintain\\("(\\w+)"', inspect.getsource(task.python_callable)),
            "lines": len(set(line for *_, line in task.python_callable.__code__.co_lines())),
        }}
        for dag_id, dag in bag.dags.items() for task in dag.tasks
    }},
}}))
"""


def parse(home: Path, seed: str) -> dict[str, Any]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "GRIDRATES"))}
    env |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONHASHSEED": seed,
    }
    done = subprocess.run([sys.executable, "-c", PARSE], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    content: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return content


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return parse(tmp_path_factory.mktemp("airflow"), "1")


def test_all_dags_parse_without_errors_or_warnings(parsed: dict[str, Any]) -> None:
    assert parsed["errors"] == {}
    assert parsed["warnings"] == {}
    assert set(parsed["dags"]) == OURS


def test_parsing_is_quick_and_imports_nothing_heavy(parsed: dict[str, Any]) -> None:
    assert parsed["heavy"] == []
    assert {file: s for file, s in parsed["seconds"].items() if s > DEADLINE_SECONDS} == {}


def test_two_processes_see_the_same_dags(parsed: dict[str, Any], tmp_path: Path) -> None:
    """What differs from process to process would be a new version of the DAG with every parse."""
    assert parse(tmp_path, "2")["dags"] == parsed["dags"]


def test_every_dag_tells_what_it_is_and_what_to_do(parsed: dict[str, Any]) -> None:
    for dag_id, serialized in parsed["dags"].items():
        dag = serialized["dag"]
        assert "gridrates" in dag["tags"], dag_id
        assert dag["description"], dag_id
        assert dag["catchup"] is False, dag_id
        assert dag["max_active_runs"] == 1, dag_id
        assert "**If it fails:**" in parsed["docs"][dag_id], dag_id
        pages = re.findall(r"`(docs/runbooks/[\w-]+\.md)`", parsed["docs"][dag_id])
        assert pages, dag_id
        assert [page for page in pages if not (DAGS.parent / page).exists()] == [], dag_id


def test_every_task_tells_when_it_fails_and_when_that_is_over(parsed: dict[str, Any]) -> None:
    for name, task in parsed["tasks"].items():
        told_before = name == "pipeline_health.verdict"
        assert task["tells"] == [[] if told_before else ["failed"], ["succeeded"]], name


def test_pages_that_alerts_of_tasks_lead_to_exist(parsed: dict[str, Any]) -> None:
    from dags.alerting import KAFKA, LATE, RUNBOOKS

    assert {*RUNBOOKS, LATE} <= set(parsed["tasks"])
    for page in (*RUNBOOKS.values(), "task-failed", "kafka-away"):
        assert (DAGS.parent / "docs" / "runbooks" / f"{page}.md").exists(), page
    # What health calls it: two that notice the same tell it once.
    from gridrates.health import checks

    assert KAFKA in checks()


def test_every_task_has_owner_retries_and_a_bound(parsed: dict[str, Any]) -> None:
    for name, task in parsed["tasks"].items():
        assert task["owner"] == "gridrates", name
        assert task["timeout"], name
        assert task["doc"], name
        # A verdict raises AirflowFailException, which is not tried again; the death of its process is.
        assert task["retries"] >= 2, name


def test_whatever_writes_the_warehouse_is_in_the_pool_of_one(parsed: dict[str, Any]) -> None:
    pools = json.loads((DAGS / "pools.json").read_text())
    assert pools["warehouse_writer"]["slots"] == 1
    for name, task in parsed["tasks"].items():
        if task["upkeep"] or ("stage" in task["names"] and "is_published" not in task["constants"]):
            assert task["pool"] == "warehouse_writer", name
        else:
            assert task["pool"] == "default_pool", name


def test_the_body_of_a_task_is_small(parsed: dict[str, Any]) -> None:
    """A DAG says when and in which order. What is done belongs into the pipeline."""
    assert {name for name, task in parsed["tasks"].items() if task["lines"] > 10} == set()


def test_landing_goes_before_what_waits_for_the_same_pool(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["land_case_events"]["dag"]["tasks"]
    land = next(each["__var"] for each in tasks if each["__var"]["task_id"] == "land")
    assert land["priority_weight"] == 100


def test_every_stage_that_is_called_is_there(parsed: dict[str, Any]) -> None:
    """Stages are called by name: nothing else would notice a name that is gone before a run does."""
    from gridrates import handing_on, maintenance, pipeline

    handed_on = {name for task in parsed["tasks"].values() for name in task["handed_on"]}
    assert handed_on == {"write_reports", "send_rates"}
    assert all(callable(getattr(handing_on, name, None)) for name in handed_on)

    upkeep = {name for task in parsed["tasks"].values() for name in task["upkeep"]}
    assert upkeep == {"archive", "prune", "compact", "reprocess"}
    assert all(callable(getattr(maintenance, name, None)) for name in upkeep)
    called = {name for task in parsed["tasks"].values() for name in task["stages"]}
    assert {"land", "transform", "check_marts", "publish"} <= called
    assert {name for name in called if not callable(getattr(pipeline, name, None))} == set()
