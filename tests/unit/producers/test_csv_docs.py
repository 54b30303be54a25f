"""What docs/csv-import.md shows and says is what the program takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from producers.csv_export.mapper import Mapper
from producers.csv_export.plan import make_plan
from producers.csv_export.rejects import COLUMNS
from producers.mapping import DEFAULT_FORMATS, ISO_FORMAT, OWN_FORMATS, Condition, EventRule, Mapping, Value
from tests.exporting import mapping_of

TEXT = (Path(__file__).parents[3] / "docs" / "csv-import.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_examples_can_be_carried_out(block: str) -> None:
    Mapper(make_plan(mapping_of(block)))


@pytest.mark.parametrize("model", [Mapping, Value])
def test_every_key_has_its_line(model: type[Mapping] | type[Value]) -> None:
    for name in model.model_fields:
        assert re.search(rf"^\| (`\w+`, )?`{name}`", TEXT, re.MULTILINE), name


def test_the_other_words_are_mentioned() -> None:
    words = {
        *EventRule.model_fields,
        *COLUMNS,
        *OWN_FORMATS,
        "present",
        "absent",
        "not",
        "matches",
        "matches_not",
    } - {"fields"}
    for word in words:
        assert re.search(rf"`{word}\b|\b{word}:", TEXT), word
    assert set(Condition.model_fields) == {"present", "any_of", "none_of", "matches", "matches_not"}


def test_the_formats_that_need_no_mention_have_the_year_first() -> None:
    assert all(name == ISO_FORMAT or name.startswith("%Y") for name in DEFAULT_FORMATS)
