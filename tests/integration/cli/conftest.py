"""The street, published once a session and copied for each test that does something to it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deploy import local_kafka
from gridrates import pipeline
from tests.integration.cli.commandline import CommandLine
from tests.integration.cli.street import BEFORE, FIRST, WAITING, rates, street_of


@pytest.fixture(scope="session")
def published_once(tmp_path_factory: pytest.TempPathFactory, broker: local_kafka.Broker) -> CommandLine:
    """The street after its first publication; the rest of its events waits on the topic."""
    gridrates = street_of(tmp_path_factory.mktemp("street"), broker)
    gridrates.send(BEFORE)
    pipeline.run(gridrates.settings)
    assert rates(gridrates.settings) == FIRST
    gridrates.send(WAITING)
    return gridrates


@pytest.fixture
def gridrates(published_once: CommandLine, tmp_path: Path) -> CommandLine:
    """The same with a copy of the home: offsets live in the live file, so the events still wait."""
    home = tmp_path / "home"
    shutil.copytree(published_once.settings.home, home, symlinks=True)
    return CommandLine(tmp_path, published_once.settings.model_copy(update={"home": home}))
