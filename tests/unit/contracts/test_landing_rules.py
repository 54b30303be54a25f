"""The contract as plain data: complete, and the same as what the models do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.events import DATA_TYPES, CaseData, InvalidEvent, parse
from contracts.fields import Kind
from contracts.landing_rules import COLUMNS, ENVELOPE, SPECVERSION, TYPES, WORD, FieldRule, rules_of
from tests.unit.contracts.strategies import good_events

MIGRATIONS = Path(__file__).parents[3] / "warehouse" / "migrations"


def is_taken(event: dict[str, Any]) -> bool:
    try:
        parse(json.dumps(event))
    except InvalidEvent:
        return False
    return True


def test_it_knows_no_database() -> None:
    code = (
        "import sys, contracts.landing_rules;"
        "print([name for name in ('duckdb', 'kafka', 'gridrates') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_column_has_one_kind_whatever_the_type() -> None:
    for rule in TYPES.values():
        for field in rule.fields.values():
            assert COLUMNS[field.column].kind == field.kind


def test_columns_that_disagree_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from contracts import landing_rules

    odd = FieldRule("outcome", "outcome", Kind("text", "VARCHAR"), is_required=False)
    rules = dict(TYPES)
    rules["odd"] = landing_rules.TypeRule("odd", "怪", {"outcome": odd})
    with pytest.raises(TypeError, match="odd: outcome is"):
        landing_rules._columns(rules)


def test_the_raw_table_has_a_column_for_every_field() -> None:
    with duckdb.connect() as connection:
        for number in ("0001_raw", "0012_retraction"):
            connection.execute((MIGRATIONS / f"{number}.sql").read_text())
        described = connection.execute("DESCRIBE raw_event").fetchall()
    table = {row[0]: row[1].replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ") for row in described}
    ours = {c.name: c.kind.sql_type for c in COLUMNS.values()}
    ours |= {rule.column: rule.kind.sql_type for rule in ENVELOPE.values()}
    assert {name: table.get(name) for name in ours} == ours


def test_the_envelope() -> None:
    assert SPECVERSION == "1.0"
    assert [name for name, rule in ENVELOPE.items() if not rule.is_required] == ["sequence"]
    assert ENVELOPE["type"].words == tuple(DATA_TYPES)
    assert ENVELOPE["sequence"].kind.most == 10**15 - 1


def test_required_fields() -> None:
    assert {name.split(".")[2]: rule.required for name, rule in TYPES.items() if rule.required} == {
        "dispatched": ("unit_code",),
        "returned": ("reason",),
        "checked": ("outcome",),
        "voided": ("reason",),
        "extended": ("deadline_at",),
        "recorded": ("activity_kind",),
        "stage_changed": ("project_kind", "stage"),
        "retracted": ("retracts",),
    }


def test_words_and_what_an_absent_word_means() -> None:
    visited = TYPES["gridrates.case.visited.v1"].fields
    assert visited["outcome"].words == ("valid", "no_answer", "refused", "invalid")
    assert visited["outcome"].default == "valid"
    assert visited["satisfaction"].default is None
    assert visited["outcome"].kind == WORD
    assert TYPES["gridrates.case.checked.v1"].fields["outcome"].words == ("passed", "failed")
    assert "outcome" not in TYPES["gridrates.case.filed.v1"].fields


def test_required_text_is_filled() -> None:
    assert TYPES["gridrates.case.returned.v1"].fields["reason"].is_filled
    assert not TYPES["gridrates.case.filed.v1"].fields["reason"].is_filled


def test_base_models_have_rules_too() -> None:
    assert list(rules_of(CaseData))[:2] == ["grid_code", "unit_code"]
    assert "task_id" not in rules_of(CaseData)


def test_rules_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        TYPES["x"] = None  # type: ignore[index]
    with pytest.raises(TypeError):
        TYPES["gridrates.case.filed.v1"].fields["x"] = None  # type: ignore[index]


@settings(deadline=None)
@given(good_events(), st.data())
def test_the_models_do_what_the_rules_say(event: dict[str, Any], data: st.DataObject) -> None:
    """Required, words and bounds: break one rule at a time, and the model must refuse."""
    rule = TYPES[event["type"]]
    field = rule.fields[data.draw(st.sampled_from(sorted(rule.fields)))]
    assert is_taken(event | {"data": event["data"] | {field.name: None}}) == (not field.is_required)
    for wrong in spoiled(field):
        assert not is_taken(event | {"data": event["data"] | {field.name: wrong}}), (field, wrong)


def spoiled(field: FieldRule) -> list[Any]:
    """Values that break what the rule says."""
    kind = field.kind
    wrong: list[Any] = [{"a": 1}]
    if field.words:
        wrong += ["x-no-such-word", field.words[0].upper(), ""]
    if kind.least is not None and kind.most is not None:
        wrong += [kind.least - 1, kind.most + 1, str(int(kind.most) + 1)]
    if kind.longest is not None:
        wrong.append(["a" * (kind.longest + 1)] if kind.most_items else "a" * (kind.longest + 1))
    if kind.most_items is not None:
        wrong.append(["a"] * (kind.most_items + 1))
    if kind.pattern is not None:
        wrong.append(["\n"] if kind.most_items else "\n")
    return wrong


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


@settings(deadline=None)
@given(event=good_events())
def test_patterns_fit_what_the_models_take(
    connection: duckdb.DuckDBPyConnection, event: dict[str, Any]
) -> None:
    """DuckDB's own engine (RE2) reads every pattern, and fits every value the models take."""
    for name, value in event["data"].items():
        field = TYPES[event["type"]].fields.get(name)
        if field is None or field.kind.pattern is None or value is None:
            continue
        for item in value if isinstance(value, list) else [value]:
            text = item if isinstance(item, str) else json.dumps(item)
            query = "SELECT regexp_full_match($1, $2)"
            assert connection.execute(query, [text, field.kind.pattern]).fetchone() == (True,), (field, item)
