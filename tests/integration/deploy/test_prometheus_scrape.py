"""A real Prometheus asks a real endpoint: every panel of the dashboard and every rule finds its figures."""

from __future__ import annotations

import json
import os
import shutil
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.network import free_port
from deploy.processes import Daemon, spawn, stop_all, wait
from gridrates.kafka import ensure_topic
from gridrates.settings import Settings
from tests.published_street import make_published
from tests.unit.deploy.test_prometheus import AIRFLOW, PROMETHEUS, expressions, rules

PROGRAM = shutil.which("prometheus")
PATIENCE_SECONDS = 60
# What there is nothing of in a street that is well.
NOTHING_NOW = {"gridrates_health_level > 0", "gridrates_open_rejects", "gridrates_failed_rules"}

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(PROGRAM is None, reason="Prometheus is not installed (Debian package prometheus)"),
]
Ask = Callable[[str], list[dict[str, Any]]]


def configured(folder: Path, port: int, metrics: int) -> Path:
    """The project's own configuration, asking more often, at the ports of this test."""
    told = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    told["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    targets = {"gridrates": metrics, "prometheus": port}
    for job in told["scrape_configs"]:
        job["static_configs"] = [{"targets": [f"127.0.0.1:{targets[job['job_name']]}"]}]
        job["scrape_timeout"] = "20s" if job["job_name"] == "gridrates" else "1s"
        job["scrape_interval"] = job["scrape_timeout"]
    told["rule_files"] = [str(PROMETHEUS / "rules" / "*.yml")]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(told), encoding="utf-8")
    return file


def served(settings: Settings, port: int) -> Daemon:
    """`gridrates metrics` for these settings."""
    named = {
        "GRIDRATES_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "GRIDRATES_TOPIC": settings.topic,
    }
    options = ["--home", str(settings.home), "--profile", settings.profile]
    return spawn(
        [sys.executable, "-m", "gridrates", *options, "metrics", "--port", str(port)],
        cwd=settings.home_dir,
        log=settings.home_dir / "metrics.log",
        env=os.environ | named,
    )


@pytest.fixture
def ask(kafka_settings: Settings, tmp_path: Path) -> Iterator[Ask]:
    """Asks Prometheus, which has the figures of a street that was published."""
    assert PROGRAM
    kafka = {name: getattr(kafka_settings, name) for name in ("kafka_bootstrap_servers", "topic")}
    settings = make_published(tmp_path, **kafka)
    ensure_topic(kafka_settings, kafka_settings.topic)
    port, metrics = free_port(), free_port()
    address = f"127.0.0.1:{port}"
    file = configured(tmp_path, port, metrics)
    daemons = [
        served(settings, metrics),
        spawn(
            [
                PROGRAM,
                f"--config.file={file}",
                f"--storage.tsdb.path={tmp_path / 'data'}",
                f"--web.listen-address={address}",
            ],
            cwd=tmp_path,
            log=tmp_path / "prometheus.log",
            env=os.environ,
        ),
    ]

    def found(expression: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://{address}/api/v1/query?{query}", timeout=20) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result

    def is_up() -> bool:
        try:
            return bool(found('up{job="gridrates"} == 1') and found("gridrates_source_up == 1"))
        except urllib.error.URLError:
            return False

    try:
        assert wait(is_up, PATIENCE_SECONDS), (tmp_path / "prometheus.log").read_text()[-2000:]
        yield found
    finally:
        stop_all(daemons, grace_seconds=10)


def test_every_panel_and_every_rule_is_answered_from_what_was_asked(ask: Ask) -> None:
    for expression in expressions():
        result = ask(expression)
        if expression in NOTHING_NOW or any(name in expression for name in AIRFLOW):
            assert result == [], expression
        else:
            assert result, expression
    assert {each["metric"]["source"]: each["value"][1] for each in ask("gridrates_source_up")} == {
        "home": "1",
        "kafka": "1",
        "published": "1",
    }
    assert {rule["alert"] for rule in rules()} >= {each["metric"]["alertname"] for each in ask("ALERTS")}
    # No Airflow sends its figures here.
    assert {each["metric"]["alertname"] for each in ask("ALERTS")} <= {"AirflowSchedulerSilent"}
