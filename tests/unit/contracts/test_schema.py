"""The JSON Schemas accept what the models accept, and refuse what they refuse.

But for the few rules that JSON Schema cannot say; these are listed here, and said in words in the schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from contracts.events import DATA_TYPES, InvalidEvent, parse
from contracts.schema import KINDS, event_schema
from tests.unit.contracts.strategies import any_events, good_events

SCHEMAS = {name: event_schema(name) for name in DATA_TYPES}


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """In JSON Schema `$` is the very end; in Python's `re` a line end may follow."""
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


Validator = extend(Draft202012Validator, {"pattern": _pattern})
VALIDATORS = {name: Validator(schema) for name, schema in SCHEMAS.items()}

# What the models say where the schema must keep silent.
UNSAYABLE = (
    "is out of range",  # a day that does not exist
    "day must be in",
    "a time must lie between",
    "Input should be less than or equal",  # a number written as text
    "Input should be greater than or equal",
    "Input should be less than",
    "not a whole number",  # 3.0 is an integer to JSON Schema
    "not a code",  # so it is to a code
)


def schema_takes(event: dict[str, Any]) -> bool:
    type_ = event.get("type", "")
    validator = VALIDATORS.get(type_) if isinstance(type_, str) else None
    return validator is not None and bool(validator.is_valid(event))


def value_at(event: dict[str, Any], field: str) -> Any:
    found: Any = event
    for part in field.split("."):
        found = found[int(part)] if isinstance(found, list) else found[part]
    return found


def is_unsayable(event: dict[str, Any], field: str, message: str) -> bool:
    value = value_at(event, field)
    if "Input should be" in message:
        return isinstance(value, str)
    if message.startswith("not a "):
        return isinstance(value, float) and value.is_integer()
    return isinstance(value, str) and any(part in message for part in UNSAYABLE)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_schemas_are_schemas(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$id"] == f"{name}.schema.json"
    assert DATA_TYPES[name].zh in SCHEMAS[name]["description"]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_kind_is_defined_where_it_is_used_and_nowhere_else(name: str) -> None:
    text = json.dumps(SCHEMAS[name])
    assert set(re.findall(r'"#/\$defs/(\w+)"', text)) == set(SCHEMAS[name]["$defs"])


def test_kinds_that_json_schema_cannot_say_in_full_say_so() -> None:
    for name in ("code", "moment", "count", "condition_no", "sequence_no", "longitude", "points", "quantity"):
        assert KINDS[name]["description"], name


def test_the_schema_of_an_event_is_of_its_type_only() -> None:
    event = {"specversion": "1.0", "id": "1", "source": "s", "subject": "c", "time": "2026-05-01T08:00:00Z"}
    filed = event | {"type": "gridrates.case.filed.v1", "data": {}}
    assert VALIDATORS["gridrates.case.filed.v1"].is_valid(filed)
    assert not VALIDATORS["gridrates.case.closed.v1"].is_valid(filed)


@pytest.mark.parametrize(
    ("data", "is_taken"),
    [
        ({}, True),
        ({"x_local": 1}, True),
        ({"outcome": "valid", "satisfaction": "satisfied"}, True),
        ({"outcome": None}, True),
        ({"outcome": "passed"}, False),
        ({"satisfaction_score": 1000.5}, False),
        ({"satisfaction_score": "12.5"}, True),
        ({"is_contacted": "true"}, True),
        ({"is_contacted": 1}, False),
        ({"tags": "a"}, False),
        ({"tags": ["a", 1]}, True),
        ({"tags": ["a", " "]}, False),
        ({"deadline_at": "2026-05-01T08:00:00"}, False),
        ({"reporter_hash": "13812345678"}, False),
    ],
)
def test_the_schema_of_a_visit(data: dict[str, Any], is_taken: bool) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "s", "subject": "c", "time": "2026-05-01T08:00:00Z"}
    assert schema_takes(event | {"type": "gridrates.case.visited.v1", "data": data}) is is_taken


@settings(deadline=None)
@given(good_events())
def test_schemas_take_good_events(event: dict[str, Any]) -> None:
    VALIDATORS[event["type"]].validate(event)


@settings(max_examples=400, deadline=None)
@given(any_events())
def test_schemas_and_models_agree(event: dict[str, Any]) -> None:
    try:
        parse(json.dumps(event))
    except InvalidEvent as error:
        if schema_takes(event):
            assert all(is_unsayable(event, fault.field, fault.message) for fault in error.faults), error
    else:
        assert schema_takes(event)
