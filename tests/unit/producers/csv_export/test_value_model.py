"""Values and conditions do in SQL what a few lines of Python say they do."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from producers.csv_export.mapper import Mapper
from producers.csv_export.plan import Check, make_plan
from producers.csv_export.reading import BLANKS
from tests.exporting import map_rows, mapping_of

DAY = "2024-05-01"
COLUMNS = ("a", "b", "列 3")
WORDS = ("", "x", "y", "办结", "Ward 7", "7", "N/A", "it's", "{", " x ", "\u3000办结\u200b", "X", "é")

words = st.sampled_from(WORDS)
trimmed_words = words.map(lambda word: word.strip(BLANKS)).filter(bool)
columns = st.sampled_from(COLUMNS)
# Patterns that Python and RE2 read alike, with and without a group.
patterns = st.sampled_from(["[0-9]+", "([0-9]+)$", "^(.)", "W(ar)?d", "(结)", "x|y", "^办", "(q?)x"])


@dataclass(frozen=True)
class Rejected:
    """The row cannot be mapped, by the test named."""

    test: str


def translations(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if draw(st.booleans()):
        found["pattern"] = draw(patterns)
    if draw(st.booleans()):
        found["map"] = draw(st.dictionaries(trimmed_words, words.map(str.strip), min_size=1, max_size=4))
    if found and draw(st.booleans()):
        found["otherwise"] = draw(words)
    return found


@st.composite
def values(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["column", "column", "template", "constant"]))
    if kind == "constant":
        return {"constant": draw(trimmed_words)}
    if kind == "column":
        return {"column": draw(columns), **translations(draw)}
    pieces = draw(st.lists(st.tuples(st.sampled_from(["", "-", "{{", "'"]), columns), min_size=1, max_size=3))
    return {"template": "".join(f"{text}{{{name}}}" for text, name in pieces), **translations(draw)}


@st.composite
def conditions(draw: st.DrawFn) -> Any:
    some = draw(st.lists(words.map(lambda word: word.strip(BLANKS)), min_size=1, max_size=3))
    return draw(st.sampled_from(["present", "absent", some, some[0], {"not": some}, {"not": some[0]}]))


def cleaned(cell: str, empty: tuple[str, ...]) -> str | None:
    trimmed = cell.strip(BLANKS)
    return None if trimmed in ("", *empty) else trimmed


def holds(condition: Any, cell: str | None) -> bool:
    if condition in ("present", "absent"):
        return (cell is not None) == (condition == "present")
    is_wanted = not isinstance(condition, dict)
    some = condition if is_wanted else condition["not"]
    return ((cell or "") in ([some] if isinstance(some, str) else some)) == is_wanted


def said(value: dict[str, Any], row: dict[str, str | None]) -> str | Rejected | None:
    """The text a value gives for a row of cleaned cells."""
    if "constant" in value:
        return str(value["constant"])
    raw = row[value["column"]] if "column" in value else filled(value["template"], row)
    if raw is None:
        return None
    otherwise = value.get("otherwise")
    text: str | None = raw
    if "pattern" in value:
        match = re.search(value["pattern"], raw)
        text = (match.group(1 if match.re.groups else 0) or None) if match else None
        if text is None and otherwise is None:
            return Rejected("unmatched")
    if "map" in value:
        if text not in value["map"] and otherwise is None:
            return Rejected("unknown")
        text = value["map"].get(text, otherwise)
    elif text is None:
        text = otherwise
    return text or None


def filled(template: str, row: dict[str, str | None]) -> str | None:
    parts = re.findall(r"\{\{|\}\}|\{[^{}]+\}|[^{}]", template)
    texts = [row[part[1:-1]] if len(part) > 2 else part[0] for part in parts]
    return None if None in texts else "".join(text or "" for text in texts)


@settings(deadline=None, max_examples=150)
@given(
    value=values(),
    condition=conditions(),
    on=columns,
    empty=st.sampled_from([(), ("N/A",), ("x", "办结")]),
    table=st.lists(st.tuples(words, words, words), min_size=1, max_size=8),
)
def test_a_value_is_what_the_model_says(
    value: dict[str, Any],
    condition: Any,
    on: str,
    empty: tuple[str, ...],
    table: list[tuple[str, str, str]],
) -> None:
    mapping = mapping_of(
        {
            "source": "s",
            "id": "id",
            "empty": list(empty),
            "events": {
                "reported": "t",
                "filed": {"at": "t", "when": {on: condition}, "description": value},
            },
        }
    )
    row_of = [dict(zip(COLUMNS, cells, strict=True)) for cells in table]
    cells = [[{"id": "1", "t": DAY, **row}[name] for name in mapping.columns] for row in row_of]
    outcomes = map_rows(Mapper(make_plan(mapping)), cells)
    for row, outcome in zip(row_of, outcomes, strict=True):
        clean = {name: cleaned(cell, empty) for name, cell in row.items()}
        expected = said(value, clean) if holds(condition, clean[on]) else None
        if isinstance(outcome, Check):
            assert isinstance(expected, Rejected), (row, outcome, expected)
            assert outcome.test == expected.test
            continue
        filed = outcome[1][1]
        assert (filed is not None) == holds(condition, clean[on])
        if filed is not None:
            assert json.loads(filed)["data"].get("description") == expected


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(words, words), min_size=1, max_size=12), st.permutations(range(4)))
def test_the_place_of_a_column_in_the_file_means_nothing(
    table: list[tuple[str, str]], order: list[int]
) -> None:
    mapping = mapping_of(
        {
            "source": "s",
            "id": "id",
            "events": {"reported": {"at": "t", "description": "a", "reason": {"template": "{b}/{a}"}}},
        }
    )
    names = list(mapping.columns)
    rows = [[{"id": "1", "t": DAY, "a": a, "b": b}[name] for name in names] for a, b in table]
    mapper = Mapper(make_plan(mapping))
    straight = map_rows(mapper, rows)
    shuffled = [[row[place] for place in order] for row in rows]
    assert map_rows(mapper, shuffled, [order.index(place) for place in range(4)]) == straight
