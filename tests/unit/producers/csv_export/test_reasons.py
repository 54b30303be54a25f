"""Why a row is rejected is said with the column, so that whoever exports can mend it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.keyed_hash import keyed_hash
from contracts.landing_rules import TYPES
from gridrates.errors import InputError
from producers.csv_export.mapper import Mapper
from producers.csv_export.plan import Check, Plan, make_plan
from producers.mapping import VERBS
from tests.exporting import Outcome, map_rows, mapping_of

DAY = "2024-05-01"


def plan_of(verb: str, **fields: Any) -> Plan:
    return make_plan(mapping_of({"source": "s", "id": "id", "events": {verb: {"at": "t", **fields}}}))


def outcome_of(plan: Plan, **cells: str) -> Outcome:
    row = [{"id": "1", "t": DAY, **cells}.get(name, "") for name in plan.columns]
    (outcome,) = map_rows(Mapper(plan), [row])
    return outcome


@pytest.mark.parametrize(
    ("verb", "field", "cell", "reason"),
    [
        ("filed", "channel", "a{b", "`channel` of `filed` is no code: it holds a quote, a brace"),
        ("filed", "channel", "热" * 201, "`channel` of `filed` is longer than 200 characters"),
        ("filed", "description", "x" * 20_001, "`description` of `filed` is longer than 20000 characters"),
        ("filed", "is_valid", "是", "`is_valid` of `filed` is neither true nor false"),
        ("filed", "is_valid", "True", "`is_valid` of `filed` is neither true nor false"),
        ("filed", "condition_no", "一", "`condition_no` of `filed` is not a whole number"),
        ("filed", "condition_no", "1.0", "`condition_no` of `filed` is not a whole number"),
        ("filed", "condition_no", "0", "`condition_no` of `filed` is not in 1 to 99"),
        ("filed", "condition_no", "100", "`condition_no` of `filed` is not in 1 to 99"),
        ("filed", "longitude", "120°E", "`longitude` of `filed` is not a number"),
        ("filed", "longitude", "NaN", "`longitude` of `filed` is not a number"),
        ("filed", "longitude", "180.1", "`longitude` of `filed` is not in -180 to 180"),
        ("filed", "latitude", "1e400", "`latitude` of `filed` is not in -90 to 90"),
        ("filed", "reporter_hash", "13800138000", "`reporter_hash` of `filed` is not a keyed hash"),
        ("filed", "deadline_at", "5月1日", "`deadline_at` of `filed` fits none of its formats"),
        ("filed", "deadline_at", "1900-01-01", "`deadline_at` of `filed` does not lie between 1970 and 2199"),
        (
            "visited",
            "satisfaction",
            "满意",
            "`satisfaction` of `visited` is none of very_satisfied, satisfied",
        ),
        (
            "visited",
            "satisfaction_score",
            "1001",
            "`satisfaction_score` of `visited` is not in -1000 to 1000",
        ),
        ("checked", "outcome", "", "`outcome` of `checked` is empty"),
        ("checked", "outcome", "合格", "`outcome` of `checked` is none of passed, failed"),
        ("dispatched", "unit_code", "", "`unit_code` of `dispatched` is empty"),
        ("returned", "reason", "", "`reason` of `returned` is empty"),
        ("voided", "reason", " \u3000", "`reason` of `voided` is empty"),
        ("extended", "deadline_at", "", "`deadline_at` of `extended` is empty"),
    ],
)
def test_the_reason_names_field_event_and_rule(verb: str, field: str, cell: str, reason: str) -> None:
    outcome = outcome_of(plan_of(verb, **{field: "某列"}), 某列=cell)
    assert isinstance(outcome, Check)
    assert outcome.reason.startswith(reason)
    assert outcome.columns == ("某列",)


@pytest.mark.parametrize(
    ("cells", "reason", "columns"),
    [
        ({"id": ""}, "id is empty", ("id",)),
        ({"id": 'say "1"'}, "id is no code", ("id",)),
        ({"id": "9" * 201}, "id is longer than 200 characters", ("id",)),
        ({"t": ""}, "the time of `filed` is empty", ("t",)),
        ({"t": "soon"}, "the time of `filed` fits none of its formats", ("t",)),
        ({"t": "2300-01-01"}, "the time of `filed` does not lie between 1970 and 2199", ("t",)),
    ],
)
def test_the_id_and_the_time_too(cells: dict[str, str], reason: str, columns: tuple[str, ...]) -> None:
    outcome = outcome_of(plan_of("filed"), **cells)
    assert isinstance(outcome, Check)
    assert outcome.reason.startswith(reason)
    assert outcome.columns == columns


@pytest.mark.parametrize("cell", ["1.23457E+11", "1E+12", "3.30106200000000E+17"])
def test_an_id_that_a_spreadsheet_has_rounded_names_no_case(cell: str) -> None:
    outcome = outcome_of(plan_of("filed"), id=cell)
    assert isinstance(outcome, Check)
    assert outcome.reason == "id is a number that a spreadsheet has rounded: export it as text"
    assert outcome.columns == ("id",)
    assert not isinstance(outcome_of(plan_of("filed"), id=f"A{cell}"), Check)


def test_a_template_names_all_its_columns() -> None:
    plan = plan_of("filed", category_code={"template": "{大类}/{小类}"})
    outcome = outcome_of(plan, 大类="{", 小类="b")
    assert isinstance(outcome, Check)
    assert outcome.columns == ("大类", "小类")


def test_the_first_fault_in_the_order_of_the_mapping_is_told() -> None:
    plan = plan_of("filed", channel="c", condition_no="n")
    outcome = outcome_of(plan, c="{", n="x")
    assert isinstance(outcome, Check)
    assert outcome.columns == ("c",)


def test_constants_are_checked_once_in_the_mapping_and_not_in_every_row() -> None:
    plan = plan_of("filed", channel={"constant": "热线"})
    assert not any("channel" in check.reason for check in plan.checks)
    outcome = outcome_of(plan)
    assert not isinstance(outcome, Check)
    assert json.loads(outcome[1][0] or b"")["data"] == {"channel": "热线"}


@pytest.mark.parametrize("verb", VERBS)
def test_every_required_field_is_asked_for(verb: str) -> None:
    """With all cells blank, a type is made exactly when the contract requires nothing of it."""
    rule = TYPES[VERBS[verb]]
    outcome = outcome_of(plan_of(verb, **{name: name for name in rule.fields}))
    assert isinstance(outcome, Check) == bool(rule.required)
    if isinstance(outcome, Check):
        assert outcome.test == "empty"
        assert outcome.columns[0] in rule.required


def test_every_test_of_the_plan_is_known_to_the_template() -> None:
    """A check that the template does not know would render as nothing, and the SQL would not parse."""
    mapping = {
        "source": "s",
        "id": {"column": "id", "pattern": "[0-9]+"},
        "events": {
            verb: {
                "at": "t",
                **{
                    name: {"column": name, "map": _meanings(verb, name)} for name in TYPES[VERBS[verb]].fields
                },
            }
            for verb in VERBS
        },
    }
    plan = make_plan(mapping_of(mapping))
    Mapper(plan)
    assert {check.test for check in plan.checks} == {
        *("empty", "unmatched", "unknown", "unreadable", "era"),
        *("words", "longest", "shape", "bounds", "rounded", "nothing"),
    }


def _meanings(verb: str, name: str) -> dict[str, str]:
    """A map to something that the contract takes for the field."""
    rule = TYPES[VERBS[verb]].fields[name]
    samples = {"flag": "true", "integer": "1", "number": "1", "hash": "0" * 16, "moment": DAY}
    return {"词": rule.words[0] if rule.words else samples.get(rule.kind.name, "x")}


def test_a_keyed_value_is_sent_as_its_hash_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDRATES_HASH_KEY", "0123456789abcdef")
    monkeypatch.setenv("GRIDRATES_HASH_KEY_ID", "k2")
    plan = plan_of("filed", fields={"reporter_hash": {"column": "tel", "keyed": True}})
    (key, events), again = (
        outcome_of(plan, tel="138 1234-5678"),
        outcome_of(plan, tel="１３８１２３４５６７８"),
    )
    assert again == (key, events)
    data = json.loads(events[0])["data"]
    assert data == {"reporter_hash": keyed_hash("13812345678", "0123456789abcdef", "k2")}


def test_without_a_key_nothing_is_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDRATES_HASH_KEY", "too short")
    plan = plan_of("filed", fields={"reporter_hash": {"column": "tel", "keyed": True}})
    with pytest.raises(InputError, match="no key of 16 bytes") as refused:
        outcome_of(plan, tel="13812345678")
    assert "GRIDRATES_HASH_KEY" in refused.value.remedy
