"""The figures a real scheduler sends, received as Prometheus would: the names our rules and panels go by."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from deploy.processes import Daemon, spawn, stop_all
from tests.unit.deploy.test_prometheus import AIRFLOW

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 90

pytestmark = [pytest.mark.full, pytest.mark.airflow, pytest.mark.filterwarnings("ignore")]


class Receiver(ThreadingHTTPServer):
    """Takes what OpenTelemetry sends to one path, and keeps the names as Prometheus makes them."""

    path = ""
    names: set[str]


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path == self.server.path:
            self.server.names |= names_of(ExportMetricsServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def names_of(request: Any) -> set[str]:
    """Dots become underscores; a count that only grows ends in _total."""
    metrics = [m for r in request.resource_metrics for s in r.scope_metrics for m in s.metrics]
    return {
        each.name.replace(".", "_") + ("_total" if each.HasField("sum") and each.sum.is_monotonic else "")
        for each in metrics
    }


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver(("127.0.0.1", 0), Handler)
    server.names = set()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_scheduler_sends_what_rules_and_panels_ask_for(receiver: Receiver, tmp_path: Path) -> None:
    stack = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["scheduler"]["environment"]
    wired = {name: value for name, value in stack.items() if "OTEL" in name}
    endpoint = wired["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"]
    receiver.path = endpoint.partition(":9090")[2]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "OTEL"))}
    environment = (
        inherited
        | wired
        | {
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PARALLELISM": "1",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"http://127.0.0.1:{receiver.server_port}{receiver.path}",
            "OTEL_METRIC_EXPORT_INTERVAL": "2000",
        }
    )
    airflow = [sys.executable, "-m", "airflow"]
    for words in (["db", "migrate"], ["pools", "import", str(ROOT / "dags" / "pools.json")]):
        subprocess.run([*airflow, *words], env=environment, check=True, capture_output=True)
    command = [*airflow, "scheduler", "--skip-serve-logs"]
    scheduler: Daemon = spawn(command, cwd=tmp_path, log=tmp_path / "log", env=environment)
    try:
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not receiver.names >= AIRFLOW and time.monotonic() < give_up:
            time.sleep(0.5)
    finally:
        stop_all([scheduler], grace_seconds=30)
    assert receiver.names >= AIRFLOW
