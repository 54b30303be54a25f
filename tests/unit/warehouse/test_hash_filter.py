"""The set of hashes: exact, whatever is added in whatever portions."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as from_numpy

from warehouse.hash_filter import HashFilter

some_hashes = from_numpy.arrays(
    np.uint64,
    st.integers(0, 50),
    elements=st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**64 - 1, 2**63, 2**44 - 1, 2**44]),
)


@settings(max_examples=60)
@given(some_hashes, st.lists(some_hashes, max_size=6), some_hashes)
def test_contains_just_what_was_added(
    first: np.ndarray, portions: list[np.ndarray], asked: np.ndarray
) -> None:
    ids = HashFilter(first)
    added = set(first.tolist())
    for portion in portions:
        ids.add(portion)
        added |= set(portion.tolist())
    everything = np.concatenate([asked, *portions, first])
    assert ids.contains(everything).tolist() == [value in added for value in everything.tolist()]


def test_stays_exact_and_small_while_it_grows() -> None:
    hashes = np.random.default_rng(1).integers(0, 2**64, 600_000, dtype=np.uint64)
    added, others = hashes[:400_000], hashes[400_000:]
    ids = HashFilter(added[:100_000])
    for portion in np.array_split(added[100_000:], 30):
        ids.add(portion)
    assert ids.contains(added).all()
    assert not ids.contains(others).any()
    assert len(ids) == 400_000
    assert ids.byte_count < 11 * len(ids)


def test_an_empty_set_contains_nothing() -> None:
    ids = HashFilter(np.empty(0, np.uint64))
    assert ids.contains(np.array([0, 7], np.uint64)).tolist() == [False, False]
    assert len(ids.contains(np.empty(0, np.uint64))) == 0
