"""A whole stack for one test module: real Kafka, real Airflow with our DAGs, and somebody who is told.

Cases are made by date, so that it is known what every past date must show. `rebuilt` makes the same figures
from the topic alone, in another home.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psutil
import pytest

from deploy import local_airflow, local_kafka
from deploy.airflow_api import AirflowApi
from gridrates import kafka, pipeline
from gridrates.cli import dev
from gridrates.errors import GridratesError
from gridrates.published_client import open_published
from gridrates.schedule import time_zone
from gridrates.settings import Settings

DAGS = ("land_case_events", "daily_rates", "hand_on_rates")
FINAL = ("success", "failed")
GRID, UNIT, CATEGORY = "310199001001", "U01", "01"
STEPS = (("filed", 9), ("dispatched", 10), ("signed", 11), ("handled", 12), ("closed", 13))
Told = list[dict[str, Any]]


class Stack:
    """The stack of one home. `told` is what a webhook at `hook` was told."""

    def __init__(self, home: Path, hook: str, told: Told, **changes: Any) -> None:
        self.hook = hook
        self.settings = Settings(home=home, wake_settle_seconds=3, lock_timeout_seconds=120, **changes)
        self.told = told
        self.zone = ZoneInfo(time_zone())
        # One day for all tests of a stack: midnight may come in between.
        self.today: date = datetime.now(self.zone).date()
        self.sent = 0

    @property
    def api(self) -> AirflowApi:
        airflow = local_airflow.find(self.settings.home_dir)
        assert airflow is not None
        return airflow.api

    def start(self) -> None:
        """Start what does not run."""
        dev.start_kafka(self.settings)
        kafka.ensure_topic(self.settings, self.settings.topic)
        # A secret: it reaches Airflow's processes by our own environment, as it does in real life.
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("GRIDRATES_ALERT_WEBHOOK_URL", self.hook)
            dev.start_airflow(self.settings)

    def stop(self) -> None:
        local_airflow.stop(self.settings.home_dir)
        local_kafka.stop(self.settings.home_dir)

    def days(self, count: int, *, last: int = 2) -> list[date]:
        """So many past dates, the newest `last` days ago."""
        return [self.today - timedelta(days=last + n) for n in range(count)]

    def send(self, days: Sequence[date]) -> list[str]:
        """A case for each date, filed and closed on it; their ids."""
        cases = [f"case-{uuid.uuid4().hex[:10]}" for _ in days]
        producer = kafka.producer(self.settings)
        for case, day in zip(cases, days, strict=True):
            for event in self._course(case, day):
                producer.send(self.settings.topic, json.dumps(event).encode(), key=case.encode())
                self.sent += 1
        producer.flush()
        producer.close()
        return cases

    def _course(self, case: str, day: date) -> Iterator[dict[str, Any]]:
        for step, hour in STEPS:
            data: dict[str, Any] = {"unit_code": UNIT} if step in ("dispatched", "signed", "handled") else {}
            if step == "filed":
                data = {"grid_code": GRID, "category_code": CATEGORY, "work_type": "grid_case"}
            yield {
                "specversion": "1.0",
                "id": f"{case}-{step}",
                "source": "/faults",
                "type": f"gridrates.case.{step}.v1",
                "subject": case,
                "time": datetime(day.year, day.month, day.day, hour, tzinfo=self.zone).isoformat(),
                "data": data,
            }

    def query(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Of the published file; nothing before there is one."""
        try:
            with open_published(self.settings) as connection:
                return connection.execute(sql, parameters or None).fetchall()
        except GridratesError:
            return []

    def has(self, cases: Sequence[str]) -> bool:
        """Whether all the cases are published."""
        found = self.query(
            "SELECT count(*) FROM cases WHERE case_id IN (SELECT unnest($ids))", ids=list(cases)
        )
        return bool(found) and found[0][0] == len(cases)

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        return self.api.runs(dag_id, limit=100)

    def is_quiet(self) -> bool:
        """No run is under way or waits."""
        return all(run["state"] in FINAL for dag_id in DAGS for run in self.runs(dag_id))

    def await_running(self, dag_id: str, *, seconds: float = 60) -> None:
        """Until a run of the DAG is under way."""
        wait_for(
            lambda: any(run["state"] == "running" for run in self.runs(dag_id)), seconds, f"a run of {dag_id}"
        )

    def await_published(self, cases: Sequence[str], *, seconds: float = 240) -> None:
        wait_for(lambda: self.has(cases), seconds, f"{len(cases)} cases in the published file")

    def await_quiet(self, *, seconds: float = 240) -> None:
        wait_for(self.is_quiet, seconds, "the end of all runs")

    def kill(self, name: str) -> None:
        """Kill -9 one process of Airflow and what it started."""
        airflow = local_airflow.find(self.settings.home_dir)
        assert airflow is not None
        os.killpg(airflow.daemons[name].pid, signal.SIGKILL)
        wait_for(lambda: name in airflow.dead, 10, f"the death of {name}")

    def kill_task(self) -> bool:
        """Kill -9 the process of a task, the newest one there is; whether there was one."""
        airflow = local_airflow.find(self.settings.home_dir)
        assert airflow is not None
        scheduler = psutil.Process(airflow.daemons["scheduler"].pid)
        # A worker of the scheduler forks a process that supervises, and that one the task.
        tasks = [
            each
            for each in scheduler.children(recursive=True)
            if not each.children() and depth(each, scheduler) > 1
        ]
        if not tasks:
            return False
        os.kill(max(tasks, key=lambda each: each.create_time()).pid, signal.SIGKILL)
        return True

    def kill_broker(self) -> None:
        broker = local_kafka.find(self.settings.home_dir)
        assert broker is not None
        os.kill(broker.pid, signal.SIGKILL)
        wait_for(lambda: local_kafka.find(self.settings.home_dir) is None, 20, "the death of the broker")

    def figures(self) -> list[tuple[Any, ...]]:
        """Rates of all dates that are over."""
        return self.query("FROM daily_rates WHERE business_date < $day ORDER BY ALL", day=self.today)

    def rebuilt(self, home: Path) -> list[tuple[Any, ...]]:
        """The same figures, made of the topic alone."""
        broker = kafka.bootstrap_servers(self.settings)
        other = self.settings.model_copy(update={"home": home, "kafka_bootstrap_servers": broker})
        pipeline.run(other, full=True)
        with open_published(other) as connection:
            statement = "FROM daily_rates WHERE business_date < $day ORDER BY ALL"
            return connection.execute(statement, {"day": self.today}).fetchall()


def depth(process: psutil.Process, ancestor: psutil.Process) -> int:
    """How many generations lie between two processes."""
    return [each.pid for each in process.parents()].index(ancestor.pid) + 1


def wait_for(done: Callable[[], bool], seconds: float, what: str) -> None:
    """Until it is so. Raises AssertionError naming what did not come."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        try:
            if done():
                return
        except GridratesError:
            # Airflow answers slowly while its neighbours die.
            pass
        time.sleep(0.25)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running(home: Path, **changes: Any) -> Iterator[Stack]:
    """A stack with somebody who is told, gone afterwards."""
    told: Told = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    server.told = told  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    stack = Stack(home, f"http://127.0.0.1:{server.server_port}/", told, **changes)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
        server.shutdown()
        thread.join()
        server.server_close()
