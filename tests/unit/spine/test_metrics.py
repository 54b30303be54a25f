"""Metrics: what is served, what is left out when something is away, and the endpoint itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from gridrates import pipeline, statefile
from gridrates.cli import app
from gridrates.errors import ServiceUnavailable
from gridrates.lag import PartitionLag
from gridrates.metrics import registry
from gridrates.settings import Settings
from tests.published_street import make_published, make_settings

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def two(settings: Settings) -> Sequence[PartitionLag]:
    return [PartitionLag(0, 5, 105, 100), PartitionLag(1, 0, 10, 10)]


def away(settings: Settings) -> Sequence[PartitionLag]:
    raise ServiceUnavailable("Kafka does not answer.")


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return make_published(tmp_path_factory.mktemp("street"))


def figures(settings: Settings, probe: Callable[[Settings], Sequence[PartitionLag]] = two) -> Figures:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for metric in registry(settings, probe=probe).collect()
        for sample in metric.samples
    }


def one(found: Figures, name: str, **labels: str) -> float | None:
    return found.get((f"gridrates_{name}", tuple(sorted(labels.items()))))


def test_the_topic(street: Settings) -> None:
    found = figures(street)
    assert one(found, "lag_records", topic="case-events", partition="0") == 5
    assert one(found, "topic_records", topic="case-events", partition="0") == 100
    assert one(found, "lag_records", topic="case-events", partition="1") == 0
    assert one(found, "topic_partitions", topic="case-events") == 2


def test_what_is_published(street: Settings) -> None:
    found = figures(street)
    assert one(found, "published_generation") == 1
    assert (
        one(found, "newest_business_date_timestamp_seconds") == datetime(2026, 5, 3, tzinfo=UTC).timestamp()
    )
    published = one(found, "published_timestamp_seconds")
    assert published is not None
    assert datetime.now(UTC).timestamp() - published < 600
    assert one(found, "held_back_dates") == 0


def test_stages_and_sizes(street: Settings) -> None:
    begun = datetime(2026, 5, 3, 1, 0, tzinfo=UTC)
    for stage, state in (("land", "succeeded"), ("compute", "failed")):
        ended = begun + timedelta(seconds=90)
        statefile.write(
            street, stage, {"stage": stage, "state": state, "started_at": str(begun), "ended_at": str(ended)}
        )
    found = figures(street)
    assert one(found, "stage_last_run_duration_seconds", stage="land") == 90
    assert one(found, "stage_last_run_timestamp_seconds", stage="land") == begun.timestamp() + 90
    assert one(found, "stage_last_run_failed", stage="land") == 0
    assert one(found, "stage_last_run_failed", stage="compute") == 1
    live, free = one(found, "live_file_bytes"), one(found, "disk_free_bytes")
    assert live is not None and live >= street.warehouse_path.stat().st_size
    assert free is not None and 0 < free < (one(found, "disk_size_bytes") or 0)


def test_health_as_measured_last(street: Settings) -> None:
    pipeline.check_health(street)
    found = figures(street)
    assert one(found, "health_level", check="kafka", subject="broker") == 2
    assert one(found, "health_level", check="held_back_dates", subject="all") == 0
    assert one(found, "health_measured_timestamp_seconds")


def test_a_source_that_is_away_says_so_and_takes_only_its_own_figures(street: Settings) -> None:
    found = figures(street, away)
    assert one(found, "source_up", source="kafka") == 0
    assert one(found, "source_up", source="published") == 1
    assert not any("lag" in name for name, _ in found)
    assert one(found, "published_generation") == 1


def test_a_published_file_that_cannot_be_read_is_a_source_that_is_away(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    settings.published_dir.mkdir(parents=True)
    settings.current_path.write_bytes(b"this is no database" * 1000)
    found = figures(settings)
    assert one(found, "source_up", source="published") == 0
    assert one(found, "source_up", source="home") == 1


def test_what_is_not_known_is_left_out_and_not_zero(tmp_path: Path) -> None:
    found = figures(make_settings(tmp_path))
    for name in (
        "published_generation",
        "newest_event_timestamp_seconds",
        "health_measured_timestamp_seconds",
    ):
        assert one(found, name) is None


def test_no_path_of_the_machine_is_told(tmp_path: Path) -> None:
    assert not any(str(tmp_path) in str(key) for key in figures(make_settings(tmp_path)))


# The command


def test_once_prints_what_would_be_served(street: Settings) -> None:
    options = ["--home", str(street.home), "--profile", street.profile]
    result = CliRunner().invoke(app, [*options, "metrics", "--once"])
    assert result.exit_code == 0
    names = {metric.name for metric in text_string_to_metric_families(result.stdout)}
    assert {"gridrates_source_up", "gridrates_disk_free_bytes", "gridrates_published_generation"} <= names


def test_the_endpoint_serves_until_it_is_told_to_stop(street: Settings) -> None:
    options = ["--home", str(street.home), "--profile", street.profile]
    command = [sys.executable, "-m", "gridrates", *options, "metrics", "--port", "0"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GRIDRATES_")}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        address = process.stderr.readline().split()[-1]
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address, timeout=20) as answer:
            assert "text/plain" in answer.headers["Content-Type"]
            assert b"gridrates_published_generation 1.0" in answer.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_port_that_is_taken_is_told(street: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["--home", str(street.home), "metrics", "--port", str(port)])
    assert result.exit_code == 3
    assert f"127.0.0.1:{port}" in result.stderr and "--port" in result.stderr
