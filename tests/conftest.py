"""What every test may use: settings of its own, one Kafka broker a session, the Boston export."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import hypothesis
import pytest
import typer.testing

from deploy import local_kafka
from gridrates.settings import CONFIG_VARIABLE, Settings
from tests import shared

# Airflow reads this when it is imported, by whichever test comes first, and writes its configuration there.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="gridrates-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(Path(__file__).parent.parent / "dags")
atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)

shared.begin()

# `make test` takes a few examples of every property, `make test-full` many (--hypothesis-profile=full).
hypothesis.settings.register_profile("quick", max_examples=8, deadline=None)
hypothesis.settings.register_profile("full", max_examples=150, deadline=None)
hypothesis.settings.load_profile("quick")

# Typer makes all commands anew for each of the many that tests call, which takes longer than most of them.
typer.testing._get_command = cache(typer.testing._get_command)

ROOT = Path(__file__).parent.parent
BOSTON = ROOT.parent / "shared" / "data" / "boston_311_2011h2.csv.gz"


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors, for many tests wait: for a broker, for Airflow, for a time-out."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the broker or the Boston export, so that `-m "not kafka"` leaves nothing out nor in.

    Unit tests come last: with many small files at the end, all processors are busy until it is over.
    """
    items.sort(key=lambda item: "unit" in item.path.parts)
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if "broker" in fixtures:
            item.add_marker(pytest.mark.kafka)
        elif item.get_closest_marker("kafka") and "tests/integration/deploy" not in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid} is marked `kafka` but does not use the broker fixtures.")
        if "boston_csv" in fixtures:
            item.add_marker(pytest.mark.boston)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A developer's own GRIDRATES_* variables and gridrates.toml must not reach a test."""
    for name in [name for name in os.environ if name.startswith("GRIDRATES_")]:
        monkeypatch.delenv(name)
    file = tmp_path_factory.mktemp("settings") / "gridrates.toml"
    file.touch()
    monkeypatch.setenv(CONFIG_VARIABLE, str(file))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The defaults, with a home that the test alone uses."""
    return Settings(home=tmp_path / "home")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[local_kafka.Broker]:
    """The session's broker. Topics are shared by all tests: use names of your own."""
    home = tmp_path_factory.mktemp("broker")
    yield local_kafka.start(home)
    local_kafka.stop(home)


@pytest.fixture
def kafka_settings(settings: Settings, broker: local_kafka.Broker) -> Settings:
    """Settings that reach the session's broker, with topic names no other test has (none is created yet)."""
    unique = uuid.uuid4().hex[:12]
    return settings.model_copy(
        update={
            "kafka_bootstrap_servers": broker.bootstrap_servers,
            "topic": f"case-events-{unique}",
            "dead_letter_topic": f"case-events-{unique}.dlq",
            "rates_topic": f"daily-rates-{unique}",
            "topic_partitions": 4,
        }
    )


@pytest.fixture(scope="session")
def boston_csv() -> Path:
    """The Boston 311 export of the second half of 2011, which lies beside the checkout."""
    if not BOSTON.exists():
        pytest.skip(f"the Boston 311 export is not at {BOSTON.relative_to(ROOT.parent)} beside the checkout")
    return BOSTON
