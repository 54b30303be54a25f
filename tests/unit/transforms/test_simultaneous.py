"""Events of a case at one moment are folded by sequence, then id, then source, whatever came first."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from tests.derived import bring_up_to_date, derive, live, profile, rows
from tests.events import event, insert_events

NOON = "2026-05-04 12:00"
CHOSEN = profile()


@pytest.mark.parametrize(
    "told",
    [
        # The sequence decides, against the ids; without one it is 0; then the id; then the source.
        [{"id": "c", "sequence": 1}, {"id": "a", "sequence": 2}],
        [{"id": "z"}, {"id": "a", "sequence": 1}],
        [{"id": "a"}, {"id": "b"}, {"id": "c"}],
        [{"id": "a", "source": "urn:a"}, {"id": "a", "source": "urn:b"}],
    ],
)
def test_the_last_of_one_moment_has_the_last_word(told: list[dict[str, Any]]) -> None:
    made = [event("c1", "filed", NOON, channel=f"told_{n}", **how) for n, how in enumerate(told)]
    for arrived in permutations(made):
        connection = derive(arrived, CHOSEN)
        assert rows(connection, "SELECT channel FROM core_case") == [{"channel": f"told_{len(told) - 1}"}]


def test_one_that_comes_later_takes_its_place_among_them() -> None:
    connection = live()
    for batch, (number, sequence) in enumerate([(1, 5), (2, 9), (3, 7)], start=1):
        told = event("c1", "filed", NOON, id=f"e{number}", sequence=sequence, channel=f"told_{number}")
        insert_events(connection, [told], batch_id=batch)
        bring_up_to_date(connection, CHOSEN)
    assert rows(connection, "SELECT channel FROM core_case") == [{"channel": "told_2"}]
