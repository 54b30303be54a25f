"""Words for codes: none is left without."""

from __future__ import annotations

from reports.words import REFUSALS, refusal_words
from warehouse.verdict import REASONS


def test_every_reason_of_landing_has_its_words() -> None:
    assert set(REFUSALS) == set(REASONS)
    assert all(zh and en and zh != en for zh, en in REFUSALS.values())


def test_a_reason_of_a_newer_landing_stands_for_itself() -> None:
    assert refusal_words("too_old") == ("too_old", "too_old")
