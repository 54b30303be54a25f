"""Totals stay exact however they are spread."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.simulator.quota import part_of, scatter, shares, spread

WEIGHTS = st.lists(st.floats(0, 100, allow_subnormal=False), min_size=1, max_size=60).filter(
    lambda weights: sum(weights) > 1e-6
)


@given(st.integers(0, 100_000), WEIGHTS)
def test_what_is_spread_sums_to_the_total_in_proportion(total: int, weights: list[float]) -> None:
    parts = spread(total, np.array(weights))
    assert parts.sum() == total
    assert (parts >= 0).all()
    running = np.cumsum(weights) / np.sum(weights) * total
    assert (np.abs(np.cumsum(parts) - running) <= 1.001).all()


@given(st.integers(0, 1000), WEIGHTS)
def test_nothing_falls_where_the_weight_is_nothing(total: int, weights: list[float]) -> None:
    parts = spread(total, np.array(weights))
    assert (parts[np.array(weights) == 0] == 0).all()


def test_there_must_be_something_to_spread_over() -> None:
    with pytest.raises(ValueError, match="no weight is positive"):
        spread(3, np.zeros(4))
    assert spread(0, np.zeros(4)).tolist() == [0, 0, 0, 0]


@given(st.integers(0, 2**32), st.lists(st.integers(0, 40), min_size=1, max_size=20), st.floats(0, 1))
def test_a_part_is_exact_and_never_above_its_whole(seed: int, whole: list[int], share: float) -> None:
    total = int(sum(whole) * share)
    part = part_of(np.random.default_rng(seed), np.array(whole), total)
    assert part.sum() == total
    assert (part <= whole).all()


def test_days_never_settle_more_than_they_found() -> None:
    found = spread(98, np.random.default_rng(1).random(181))
    settled = spread(95, found)
    assert settled.sum() == 95
    assert (settled <= found).all()


def test_what_is_scattered_is_exact_and_uneven() -> None:
    counts = scatter(np.random.default_rng(1), 1000, 50)
    assert counts.sum() == 1000
    assert counts.std() > np.sqrt(1000 / 50)
    assert len(scatter(np.random.default_rng(1), 0, 0)) == 0


def test_weights_become_chances() -> None:
    assert shares({"a": 1, "b": 3}).tolist() == [0.25, 0.75]
