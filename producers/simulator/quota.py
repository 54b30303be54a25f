"""Exact totals, spread: over days by weight, and over things at random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Array = npt.NDArray[Any]


def spread(total: int, weights: Array) -> Counts:
    """Whole numbers that sum to `total`, in proportion to `weights`: never off by one or more.

    Running totals are rounded, not the parts, so any stretch is in proportion too. Raises ValueError when
    no weight is positive, unless there is nothing to spread.
    """
    if not total:
        return np.zeros(len(weights), dtype=np.int64)
    sums = np.cumsum(weights, dtype=np.float64)
    if not len(sums) or sums[-1] <= 0:
        raise ValueError("nothing to spread over: no weight is positive")
    # The last positive weight, not the last place, takes what rounding left.
    running = np.where(sums == sums[-1], total, np.floor(sums / sums[-1] * total + 1e-9))
    return np.diff(running.astype(np.int64), prepend=0).astype(np.int64)


def scatter(rng: np.random.Generator, total: int, places: int) -> Counts:
    """Whole numbers for `places` that sum to `total`: uneven, as things are."""
    if not places:
        return np.zeros(0, dtype=np.int64)
    return rng.multinomial(total, rng.dirichlet(np.full(places, 2.0)))


def part_of(rng: np.random.Generator, whole: Counts, total: int) -> Counts:
    """Whole numbers that sum to `total`, none above its `whole`."""
    return rng.multivariate_hypergeometric(whole, total)


def shares(weights: Mapping[Any, float]) -> Array:
    """Weights as chances that sum to 1."""
    values = np.array(list(weights.values()), dtype=np.float64)
    return np.asarray(values / values.sum())
