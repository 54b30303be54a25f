"""The DAGs of upkeep, run by Airflow itself on a real warehouse and a real topic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gridrates import kafka, pipeline
from gridrates.maintenance import reprocess
from gridrates.settings import Settings
from warehouse.live import open_live

# Airflow and the libraries it brings warn of each other; warnings of ours are errors in all the other tests.
pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore")]

GOOD = (
    '{"specversion": "1.0", "id": "%s", "source": "/crm", "type": "gridrates.case.closed.v1", '
    '"subject": "C-1", "time": "2026-05-01T10:00:00+08:00", "data": {}}'
)


@pytest.fixture
def home(kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that the tasks read too, and a topic with a good event and one that is in another encoding."""
    for name, value in kafka_settings.model_dump(exclude_none=True).items():
        monkeypatch.setenv(f"GRIDRATES_{name.upper()}", str(value))
    kafka.ensure_topic(kafka_settings, kafka_settings.topic)
    strange = (GOOD % "e2").replace('"data": {}', '"data": {"description": "井盖"}').encode("gb18030")
    producer = kafka.producer(kafka_settings)
    for payload in ((GOOD % "e1").encode(), strange):
        producer.send(kafka_settings.topic, payload, key=b"C-1")
    producer.flush()
    producer.close()
    assert pipeline.land(kafka_settings).rejected == 1
    return kafka_settings


def events(settings: Settings) -> list[tuple[Any, ...]]:
    with open_live(settings, command="test") as connection:
        return connection.execute("SELECT event_id FROM raw_event ORDER BY ALL").fetchall()


def test_dead_letters_are_tried_then_sent_and_land(home: Settings, run_dag: Callable[..., Any]) -> None:
    chosen = {"reason": "not_utf8", "encoding": "gb18030"}
    assert reprocess(home, **chosen, dry_run=True) == {"sent": 1, "still_open": 0}
    assert run_dag("reprocess_dead_letters", run_conf=chosen).state == "success"
    assert pipeline.land(home).landed == 0, "without a word nothing is sent"

    assert run_dag("reprocess_dead_letters", run_conf=chosen | {"dry_run": False}).state == "success"
    assert pipeline.land(home).landed == 1
    assert events(home) == [("e1",), ("e2",)]
    assert run_dag("reprocess_dead_letters", run_conf=chosen | {"dry_run": False}).state == "success"
    assert pipeline.land(home).landed == 0


def test_never_all_by_mistake(home: Settings, run_dag: Callable[..., Any]) -> None:
    assert run_dag("reprocess_dead_letters", run_conf={"dry_run": False}).state == "failed"


def test_upkeep_runs_and_may_be_repeated(home: Settings, run_dag: Callable[..., Any]) -> None:
    for conf in ({}, {"compact": True}):
        run = run_dag("maintenance", run_conf=conf)
        assert set(run.tasks.values()) == {"success"}
    assert events(home) == [("e1",)]


def test_health_is_measured_on_a_real_topic(home: Settings, run_dag: Callable[..., Any]) -> None:
    run = run_dag("pipeline_health")
    assert run.tasks["measure"] == "success"
    with open_live(home, command="test") as connection:
        rows = connection.execute("SELECT check_name, subject, value FROM ops_pipeline_health").fetchall()
    assert ("kafka", "broker", 0.0) in rows
    assert ("open_rejects", "unknown", 1.0) in rows
    assert {subject for check, subject, _ in rows if check == "lag"} == {"0", "1", "2", "3"}
