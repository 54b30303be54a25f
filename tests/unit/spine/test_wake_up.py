"""When landing is woken: every way in which a hint and a topic can stand to each other."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from gridrates.wake_up import Offsets, WakeUp

SETTLE, REFIRE = 30.0, 600.0


def wake_up() -> WakeUp:
    return WakeUp(settle_seconds=SETTLE, refire_seconds=REFIRE)


def test_nothing_to_land_wakes_nobody() -> None:
    wake = wake_up()
    assert not any(wake.due({0: 5, 1: 0}, {0: 5, 1: 0}, now) for now in range(0, 10_000, 100))


def test_a_lag_must_settle() -> None:
    wake = wake_up()
    assert not wake.due({0: 1}, {0: 0}, 100)
    assert not wake.due({0: 9}, {0: 0}, 129.9)
    assert wake.due({0: 9}, {0: 0}, 130)


def test_without_settling_the_first_probe_wakes() -> None:
    assert WakeUp(settle_seconds=0, refire_seconds=REFIRE).due({0: 1}, {0: 0}, 0)


def test_a_lag_that_was_landed_by_somebody_else_starts_afresh() -> None:
    wake = wake_up()
    assert not wake.due({0: 1}, {0: 0}, 0)
    assert not wake.due({0: 1}, {0: 1}, 20)
    assert not wake.due({0: 2}, {0: 1}, 40), "this lag is new"
    assert wake.due({0: 2}, {0: 1}, 70)


def test_while_a_landing_is_outstanding_nobody_is_woken_again() -> None:
    wake = wake_up()
    wake.due({0: 1}, {0: 0}, 0)
    assert wake.due({0: 1}, {0: 0}, 30)
    assert not any(wake.due({0: now}, {0: 0}, now) for now in range(31, 630))
    assert wake.due({0: 700}, {0: 0}, 630), "it never came: ask again"


def test_a_landing_that_moved_the_hint_but_not_to_the_end_is_followed_by_another() -> None:
    wake = wake_up()
    wake.due({0: 10}, {0: 0}, 0)
    assert wake.due({0: 10}, {0: 0}, 30)
    assert not wake.due({0: 12}, {0: 10}, 35)
    assert wake.due({0: 12}, {0: 10}, 65)


def test_a_hint_ahead_of_the_topic_wakes_too() -> None:
    """The topic was made anew, or the warehouse restored: `landed < end` would wait for ever."""
    wake = wake_up()
    assert not wake.due({0: 3}, {0: 100}, 0)
    assert wake.due({0: 3}, {0: 100}, 30)


def test_a_new_partition_wakes() -> None:
    wake = wake_up()
    assert not wake.due({0: 3, 1: 1}, {0: 3, 1: 0}, 0)
    assert wake.due({0: 3, 1: 1}, {0: 3, 1: 0}, 30)


offsets = st.dictionaries(st.integers(0, 2), st.integers(0, 3), min_size=1)


@given(st.lists(st.tuples(offsets, offsets, st.floats(0.5, 300)), max_size=60))
def test_wake_ups_are_spaced_and_have_a_reason(probes: list[tuple[Offsets, Offsets, float]]) -> None:
    wake, now = wake_up(), 0.0
    fired: list[tuple[float, Offsets]] = []
    for ends, landed, step in probes:
        now += step
        if wake.due(ends, landed, now):
            assert ends != landed
            if fired:
                then, landed_then = fired[-1]
                assert now - then >= SETTLE
                assert landed != landed_then or now - then >= REFIRE
            fired.append((now, landed))


@given(st.lists(st.floats(0.5, 300), min_size=1))
def test_a_lag_that_stays_is_never_forgotten(steps: list[float]) -> None:
    """However the probes fall: no more than settle, refire and one step pass between two wake-ups."""
    wake, now, last = wake_up(), 0.0, 0.0
    for step in steps:
        now += step
        if wake.due({0: 1}, {0: 0}, now):
            last = now
        assert now - last <= REFIRE + SETTLE + 300


def test_how_long_a_lag_has_still_to_settle() -> None:
    wake = wake_up()
    assert wake.seconds_to_settle(0) == inf, "there is none"
    assert not wake.due({0: 1}, {0: 0}, 100)
    assert wake.seconds_to_settle(110) == 20
    assert wake.seconds_to_settle(130) == inf, "it may be landed, or a landing is outstanding"
