"""Landings that die, as by `kill -9`, with a producer running: nothing lost, nothing twice.

`GRIDRATES_CRASHES` says how often the long test kills (200 unless it is set).
"""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress

import pytest

from gridrates.settings import Settings
from tests.faults.warehouse.landings import Landings
from tests.faults.warehouse.streams import Stream, assert_exact, land_the_rest
from warehouse.crash_points import LANDING

CRASHES = int(os.environ.get("GRIDRATES_CRASHES", "200"))


@pytest.mark.full
def test_dying_at_every_crash_point_loses_nothing_and_doubles_nothing(kafka_settings: Settings) -> None:
    with Stream(kafka_settings) as stream, Landings(kafka_settings) as landings:
        for point in LANDING:
            landings.die_at(point)
        for point in LANDING[: LANDING.index("before_group_commit")]:
            landings.die_at(f"{point}:2", land_batch_events=20)
        stream.stop()
        land_the_rest(kafka_settings)
        assert_exact(kafka_settings, stream)


def test_dying_at_random_moments_loses_nothing_and_doubles_nothing(kafka_settings: Settings) -> None:
    kill_at_random(kafka_settings, times=10, seed=random.randrange(1 << 30))


@pytest.mark.full
@pytest.mark.timeout(3 * 3600)
def test_dying_hundreds_of_times_loses_nothing_and_doubles_nothing(kafka_settings: Settings) -> None:
    kill_at_random(kafka_settings, times=CRASHES, seed=random.randrange(1 << 30))


def test_being_asked_to_stop_loses_nothing_and_doubles_nothing(kafka_settings: Settings) -> None:
    kill_at_random(kafka_settings, times=6, seed=random.randrange(1 << 30), number=signal.SIGTERM)


def kill_at_random(
    settings: Settings, *, times: int, seed: int, number: signal.Signals = signal.SIGKILL
) -> None:
    """End landings after some moment each, with transactions of some size each."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    with Stream(settings) as stream, Landings(settings) as landings:
        for _ in range(times):
            process = landings.start(land_batch_events=chance.choice((40, 150, 700, 5_000)))
            time.sleep(chance.uniform(0, 1.2))
            with suppress(ProcessLookupError):
                os.kill(process, number)
            assert landings.wait() in (0, -number)
        stream.stop()
        land_the_rest(settings)
        assert_exact(settings, stream)
