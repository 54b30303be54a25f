"""Dying at every boundary of a landing, in seconds and without a broker. With brokers: tests/faults."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gridrates.settings import Settings
from tests.unit.warehouse import dying
from warehouse.crash_points import LANDING
from warehouse.live import open_live

POINTS = LANDING[: LANDING.index("before_group_commit")]


def test_nothing_is_lost_and_nothing_comes_twice_wherever_it_dies(tmp_path: Path) -> None:
    """Each landing dies, the next one goes on; at `after_commit` one batch is done each time."""
    points = [*POINTS, "before_commit:2", "none"]
    done = subprocess.run(
        [sys.executable, "-m", dying.__name__, tmp_path, *points], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    ended = [line.rsplit(" ", 1) for line in done.stdout.splitlines()]
    assert [point for point, _ in ended] == points
    died = [point for point, code in ended if int(code) == -signal.SIGKILL]
    assert set(died) >= set(POINTS), "a crash point was not passed"
    assert ended[-1] == ["none", "0"], done.stderr
    assert_exact(Settings(home=tmp_path))


def assert_exact(settings: Settings) -> None:
    books = (
        "sum(read_count), sum(landed_count), sum(duplicate_count), sum(conflict_count), sum(rejected_count)"
    )
    with open_live(settings, command="test") as connection:
        for text, expected in (
            (f"SELECT {books} FROM raw_landing_batch", (47, 40, 1, 1, 6)),
            (
                "SELECT count(*), count(DISTINCT event_id), count(DISTINCT kafka_offset) FROM raw_event",
                (40, 40, 40),
            ),
            ("SELECT count(*), count(DISTINCT kafka_offset) FROM raw_rejected_event", (6, 6)),
            ("SELECT next_offset FROM raw_landing_offset", (47,)),
            ("SELECT count(*), count(DISTINCT batch_id) FROM raw_landing_batch", (6, 6)),
        ):
            assert connection.execute(text).fetchone() == expected, text


def test_the_test_can_fail(tmp_path: Path) -> None:
    """A warehouse that has a row too many is noticed."""
    settings = Settings(home=tmp_path)
    dying.land(settings)
    assert_exact(settings)
    with open_live(settings, command="test") as connection:
        connection.execute("INSERT INTO raw_event FROM raw_event LIMIT 1")
    with pytest.raises(AssertionError):
        assert_exact(settings)
