"""Streets, simulated onto a real broker and brought through the whole pass, once a session each."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import duckdb
import pytest

from deploy import local_kafka
from gridrates import pipeline
from gridrates.profile import load_profile
from gridrates.settings import Settings
from producers.simulator import Simulation, Tally, load_scenario, scenario_path
from producers.simulator.delivery import to_kafka
from tests.integration.systems.page import table
from tests.integration.systems.streets import Street


@pytest.fixture(scope="session")
def street(broker: local_kafka.Broker, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Street]:
    """A function that gives a street by the name of its profile, published."""

    @cache
    def published(name: str) -> Street:
        settings = Settings(
            home=tmp_path_factory.mktemp(name),
            profile=name,
            kafka_bootstrap_servers=broker.bootstrap_servers,
            topic=f"{name}-{uuid.uuid4().hex[:12]}",
        )
        scenario = load_scenario(scenario_path(name))
        simulation = Simulation(load_profile(name), scenario)
        tally = Tally(simulation)
        to_kafka(settings, simulation.batches(), tally)
        # The morning after: what is open by then has not become overdue since.
        morning = datetime.combine(scenario.ends_on, datetime.min.time(), UTC) + timedelta(days=1, hours=2)
        passed = pipeline.run(settings, now=morning)
        return Street(
            name, tally.summary(), passed, duckdb.connect(str(settings.current_path), read_only=True)
        )

    return published


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """System → events sent → figures out → expected → equal, one line a system and street."""
    told = sorted(
        value
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, ())
        for key, value in report.user_properties
        if key == "system"
    )
    if told:
        terminalreporter.section("systems: events sent, figures out, expected, equal")
        terminalreporter.write(table(line for *_, line in told))
