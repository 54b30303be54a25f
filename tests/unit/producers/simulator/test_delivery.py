"""Delivery keeps the order, the rate and the time, and stops when it is told to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from gridrates.errors import ResourceError
from producers.simulator import Batch, Tally
from producers.simulator.delivery import paced, to_file
from producers.simulator.rows import blank
from tests.simulating import simulation


def batch(sent: list[float]) -> Batch:
    """One record a time of sending."""
    rows = blank(len(sent))
    rows["sent"] = np.array(sent)
    return Batch(rows, [(b"k", str(n).encode()) for n in range(len(sent))])


def values(batches: Iterator[Batch]) -> list[bytes]:
    return [value for one in batches for _, value in one.records]


def test_without_a_pace_batches_pass_as_they_are() -> None:
    given = [batch([1, 2]), batch([3])]
    assert list(paced(given)) == given


def test_the_rate_is_kept_over_the_whole_and_over_each_stretch() -> None:
    arrived: list[tuple[float, int]] = []
    for part in paced([batch([0] * 100), batch([0] * 20)], rate=200):
        arrived.append((time.monotonic(), len(part.records)))
    assert sum(n for _, n in arrived) == 120
    assert max(n for _, n in arrived) <= 40
    # The last portion may go at once when its time has come: 80 records take their 0.4 s before it.
    assert arrived[-1][0] - arrived[0][0] >= 80 / 200 * 0.95


def test_after_a_stall_the_rate_is_not_made_up_for() -> None:
    parts = paced([batch([0] * 100)], rate=100)
    next(parts)
    time.sleep(0.5)
    times = []
    for _ in parts:
        times.append(time.monotonic())
    assert all(b - a >= 0.15 for a, b in pairwise(times))


def test_live_the_past_goes_at_once_and_the_future_when_it_comes() -> None:
    now = int(time.time())
    parts = paced([batch([now - 100, now - 50, now + 2])], live=True)
    assert values(iter([next(parts)])) == [b"0", b"1"]
    assert values(iter([next(parts)])) == [b"2"]
    assert time.time() >= now + 2
    assert not list(parts)


def test_a_file_gets_one_record_a_line_in_the_order_of_sending(tmp_path: Path) -> None:
    run = simulation()
    tally = Tally(run)
    assert to_file(tmp_path / "events.jsonl", run.batches(), tally) is None
    lines = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert lines == values(simulation().batches())
    assert tally.records == len(lines)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    run = simulation()
    with pytest.raises(ResourceError, match=r"missing.*cannot be written"):
        to_file(tmp_path / "missing" / "events.jsonl", run.batches(), Tally(run))


def test_a_signal_stops_between_two_batches_and_the_tally_is_right(tmp_path: Path) -> None:
    run = simulation()
    tally = Tally(run)

    def interrupted() -> Iterator[Batch]:
        whole = next(run.batches())
        yield whole.part(0, 10)
        os.kill(os.getpid(), signal.SIGTERM)
        yield whole.part(10, 20)

    assert to_file(tmp_path / "events.jsonl", interrupted(), tally) == signal.SIGTERM
    assert tally.records == len((tmp_path / "events.jsonl").read_bytes().splitlines()) == 10
