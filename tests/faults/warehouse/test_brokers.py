"""Brokers that die while events are produced and landed: nothing lost, nothing twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gridrates.errors import ServiceUnavailable
from gridrates.settings import Settings
from tests.faults.warehouse.clusters import Brokers, in_sync, leader_of
from tests.faults.warehouse.streams import Stream, assert_exact, land_the_rest
from tests.integration.warehouse.topics import changed, run, wait_for

pytestmark = pytest.mark.full


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Brokers]:
    with Brokers(tmp_path) as brokers:
        yield brokers


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Brokers]:
    with Brokers(tmp_path, 3) as brokers:
        yield brokers


def at(brokers: Brokers, settings: Settings, **changes: object) -> Settings:
    """Settings that reach the brokers, and wait a little for them."""
    return changed(
        settings, kafka_bootstrap_servers=brokers.bootstrap_servers, kafka_timeout_seconds=5, **changes
    )


def keep_landing(settings: Settings, seconds: float) -> tuple[int, int]:
    """Land again and again, whether it works or not; how often it did, and did not."""
    worked = failed = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            run(settings)
            worked += 1
        except ServiceUnavailable:
            failed += 1
    return worked, failed


def test_a_broker_killed_and_started_again_in_the_middle(one: Brokers, settings: Settings) -> None:
    mine = at(one, settings, land_batch_events=100)
    failures = 0
    with Stream(mine) as stream:
        for _ in range(2):
            assert keep_landing(mine, 3)[0] > 0
            one.kill(1)
            failures += keep_landing(mine, 2)[1]
            one.start(1)
        assert keep_landing(mine, 8)[0] > 0
        stream.stop()
        land_the_rest(mine)
        assert_exact(mine, stream)
    assert failures > 0, "nobody noticed that the broker was away"


def test_a_cluster_that_loses_its_leaders_goes_on(three: Brokers, settings: Settings) -> None:
    """Two copies must be in sync for an event to be taken; of three brokers one may die at a time."""
    mine = at(three, settings, replication_factor=3, land_batch_events=100)
    with Stream(mine) as stream:
        for _ in range(2):
            keep_landing(mine, 3)
            sent, leader = len(stream.sent), leader_of(mine, 0)
            three.kill(leader)
            wait_for(lambda old=leader: leader_of(mine, 0) not in (old, -1))
            # Production goes on before the broker is back.
            wait_for(lambda before=sent: len(stream.sent) > before + 200)
            assert keep_landing(mine, 5)[0] > 0
            three.start(leader)
            wait_for(lambda: in_sync(mine) == 3)
        stream.stop()
        with suppress(ServiceUnavailable):
            run(mine)
        land_the_rest(mine)
        assert_exact(mine, stream)
