"""The models: what an event is, what is wrong with one that is not."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from contracts.events import (
    DATA_TYPES,
    TYPED_EVENTS,
    Event,
    InvalidEvent,
    decode,
    parse,
    validate,
)
from tests.unit.contracts.strategies import any_events, good_events

FILED = {
    "specversion": "1.0",
    "id": "1",
    "source": "centre",
    "type": "gridrates.case.filed.v1",
    "subject": "case-1",
    "time": "2026-05-01T08:00:00+08:00",
    "data": {},
}


def with_data(**data: Any) -> dict[str, Any]:
    return FILED | {"data": data}


def faults_of(event: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidEvent) as caught:
        parse(event if isinstance(event, bytes | str) else json.dumps(event))
    return [(fault.field, fault.message) for fault in caught.value.faults]


def is_taken(event: dict[str, Any]) -> bool:
    try:
        parse(json.dumps(event))
    except InvalidEvent:
        return False
    return True


def test_the_verbs_are_those_of_the_life_cycle() -> None:
    verbs = [name.split(".")[2] for name in DATA_TYPES if name.startswith("gridrates.case.")]
    assert " ".join(verbs) == (
        "reported accepted verified declined filed dispatched signed returned handled checked closed visited "
        "voided extended suspended resumed supervised exempted self_disposed"
    )
    assert set(DATA_TYPES) == set(TYPED_EVENTS)
    assert len(DATA_TYPES) == 22


def test_every_type_has_a_chinese_name_and_says_what_happened() -> None:
    for data in DATA_TYPES.values():
        assert re.fullmatch(r"[\u4e00-\u9fff]+", data.zh), data.type
        assert data.__doc__ and data.__doc__.endswith("."), data.type


def test_every_field_has_a_chinese_name_and_a_meaning() -> None:
    for data in DATA_TYPES.values():
        for name, info in data.model_fields.items():
            zh, _, meaning = (info.description or "").partition(" ")
            assert re.search(r"[\u4e00-\u9fff]", zh) and meaning, f"{data.type}: {name}"


def test_there_is_no_field_for_a_person() -> None:
    names = {name for data in DATA_TYPES.values() for name in data.model_fields}
    assert not [
        name for name in names if re.search(r"name|phone|mobile|tel|id_?card|identity|mail|address", name)
    ]
    assert {name for name in names if "reporter" in name or "household" in name} == {
        "reporter_hash", "household_hash", "household_count",
    }  # fmt: skip


def test_unknown_fields_are_kept() -> None:
    event, data = validate(FILED | {"traceparent": "00-1", "data": {"x_local": {"a": [1, None]}}})
    assert event.model_extra == {"traceparent": "00-1"}
    assert data.model_extra == {"x_local": {"a": [1, None]}}


def test_null_is_the_same_as_absent() -> None:
    for name, data in DATA_TYPES.items():
        optional = {field: None for field, info in data.model_fields.items() if not info.is_required()}
        required = {
            "unit_code": "u",
            "reason": "r",
            "outcome": "passed",
            "deadline_at": FILED["time"],
            "retracts": "e",
        }
        needed = required | {"activity_kind": "patrol", "project_kind": "lift", "stage": "finished"}
        given_fields = {f: needed[f] for f, info in data.model_fields.items() if info.is_required()}
        assert is_taken(FILED | {"type": name, "sequence": None, "data": optional | given_fields}), name


@pytest.mark.parametrize(
    ("event_type", "field", "value"),
    [
        ("dispatched", "unit_code", "u"),
        ("returned", "reason", "not ours"),
        ("checked", "outcome", "passed"),
        ("voided", "reason", "twice"),
        ("extended", "deadline_at", "2026-05-02T08:00:00+08:00"),
    ],
)
def test_what_a_step_cannot_do_without(event_type: str, field: str, value: str) -> None:
    event = FILED | {"type": f"gridrates.case.{event_type}.v1"}
    assert is_taken(event | {"data": {field: value}})
    assert not is_taken(event)
    assert not is_taken(event | {"data": {field: None}})
    assert not is_taken(event | {"data": {field: ""}})


@pytest.mark.parametrize("missing", [name for name in FILED if name != "type"])
def test_every_attribute_is_needed(missing: str) -> None:
    event = {name: value for name, value in FILED.items() if name != missing}
    assert faults_of(event) == [(missing, "Field required")]


@pytest.mark.parametrize(
    ("event", "field", "message"),
    [
        (FILED | {"type": []}, "type", "unknown event type"),
        (FILED | {"type": "gridrates.case.filed.v2"}, "type", "unknown event type"),
        (FILED | {"type": None}, "type", "unknown event type"),
        ({}, "type", "Field required"),
        ([FILED], "", "not a JSON object"),
        ("5", "", "not a JSON object"),
        ("null", "", "not a JSON object"),
        ('{"id": NaN}', "", "not JSON: expected value at line 1 column 8"),
        ("{", "", "not JSON: EOF while parsing an object at line 1 column 1"),
        ("", "", "not JSON: EOF while parsing a value at line 1 column 0"),
        ("\ufeff{}", "", "not JSON: expected value at line 1 column 1"),
        ("[" * 1000 + "]" * 1000, "", "not JSON: recursion limit exceeded at line 1 column 202"),
        (b'{"id": "\xff"}', "", "not UTF-8: invalid unicode code point at line 1 column 9"),
        (FILED | {"time": "2026-02-30T08:00:00Z"}, "time", "day is out of range for month"),
        (FILED | {"specversion": "0.3"}, "specversion", "Input should be '1.0'"),
        (FILED | {"data": []}, "data", "Input should be a valid dictionary or instance of Filed"),
        (with_data(longitude=181), "data.longitude", "Input should be less than or equal to 180"),
        (with_data(is_valid="yes"), "data.is_valid", "not true or false"),
        (with_data(condition_no="1.0"), "data.condition_no", "not a whole number"),
    ],
)
def test_faults_name_the_field(event: Any, field: str, message: str) -> None:
    assert faults_of(event) == [(field, message)]


def test_every_fault_is_told_at_once() -> None:
    found = faults_of(FILED | {"id": "", "data": {"latitude": 91, "tags": ["a", "b "]}})
    assert [field for field, _ in found] == ["id", "data.tags.1", "data.latitude"]


def test_an_invalid_event_reads_as_one_line() -> None:
    with pytest.raises(InvalidEvent) as caught:
        parse(json.dumps(FILED | {"id": "", "data": {"latitude": 91}}))
    assert str(caught.value) == (
        "id: not a code: 1 to 200 printable characters, no blank at either end, none of { } [ ] \"; "
        "data.latitude: Input should be less than or equal to 90"
    )  # fmt: skip


def test_an_event_cannot_be_changed() -> None:
    event, data = validate(FILED)
    with pytest.raises(ValidationError):
        event.id = "2"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        data.unit_code = "u"  # type: ignore[misc]


def test_numbers_name_cases_too() -> None:
    assert parse(json.dumps(FILED | {"subject": 17})).subject == "17"


@settings(deadline=None)
@given(good_events())
def test_good_events_are_taken(event: dict[str, Any]) -> None:
    assert parse(json.dumps(event)).type == event["type"]


@settings(max_examples=300, deadline=None)
@given(any_events())
def test_both_ways_of_checking_agree(event: dict[str, Any]) -> None:
    try:
        checked, _ = validate(event)
        slow: str | None = checked.type
    except ValidationError:
        slow = None
    assert is_taken(event) == (slow is not None)


@settings(deadline=None)
@given(good_events())
def test_what_is_written_reads_the_same(event: dict[str, Any]) -> None:
    once = Event.model_validate(event)
    assert Event.model_validate_json(once.model_dump_json()) == once


def test_of_a_key_that_is_there_twice_the_first_counts() -> None:
    text = json.dumps(FILED)[:-1] + ', "id": "later"}'
    assert parse(text).id == FILED["id"]
    assert decode('{"a": {"b": 1, "b": 2}, "a": 3, "c": 4}') == {"a": {"b": 1}, "c": 4}
