"""Conditions by regular expressions: found in a cell, or not."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.exporting import SIMPLE, import_rows, mapping_of

ROWS = [["id", "opened", "closed", "note"]] + [
    [name, "2026-05-04 08:00:00", "2026-05-05 08:00:00", note]
    for name, note in (("a", "DUPLICATE of 7"), ("b", "done"), ("c", ""), ("d", "it's a 'duplicate'"))
]


def with_condition(condition: object) -> dict[str, object]:
    return SIMPLE | {
        "events": {"reported": "opened", "closed": {"at": "closed", "when": {"note": condition}}}
    }


@pytest.mark.parametrize(
    ("condition", "closed"),
    [
        ({"matches": "(?i)duplicate"}, ["a", "d"]),
        ({"matches_not": "(?i)duplicate"}, ["b", "c"]),
        ({"matches": "^$"}, ["c"]),
        ({"matches": "'"}, ["d"]),
    ],
)
def test_what_is_found_in_a_cell_decides(tmp_path: Path, condition: object, closed: list[str]) -> None:
    found = import_rows(tmp_path, ROWS, with_condition(condition))
    assert [event["subject"] for event in found.of("closed")] == closed


@pytest.mark.parametrize("condition", [{"matches": "("}, {"matches": "a", "not": "b"}, {"like": "a"}])
def test_mistakes_are_named(condition: object) -> None:
    with pytest.raises(ValidationError, match=r"no pattern|a condition is"):
        mapping_of(with_condition(condition))
