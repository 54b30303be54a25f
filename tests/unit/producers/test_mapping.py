"""The mapping says what is wrong with it, and takes nothing that the contract would refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import DATA_TYPES
from gridrates.errors import InputError
from producers.mapping import VERBS, Value, event_type, load_mapping
from tests.exporting import SIMPLE, mapping_of


def load(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    return load_mapping(path, time_zone="Asia/Shanghai")


def with_event(**event: Any) -> str:
    return yaml.safe_dump(
        SIMPLE | {"events": {"reported": "opened", **event}}, allow_unicode=True, sort_keys=False
    )


def test_every_type_of_the_contract_has_a_verb() -> None:
    assert set(VERBS.values()) == set(DATA_TYPES)
    assert VERBS["closed"] == "gridrates.case.closed.v1"
    assert VERBS["recorded"] == "gridrates.activity.recorded.v1"


def test_the_short_forms_say_the_same_as_the_long_ones() -> None:
    short = mapping_of(SIMPLE | {"events": {"closed": {"at": "c", "when": {"s": "Done"}, "channel": "ch"}}})
    long = mapping_of(
        SIMPLE
        | {
            "events": {
                "closed": {"at": {"column": "c"}, "when": {"s": ["Done"]}, "channel": [{"column": "ch"}]}
            }
        }
    )
    assert short == long


def test_columns_are_named_once_in_order() -> None:
    mapping = mapping_of(
        SIMPLE
        | {
            "events": {
                "reported": {"at": "opened", "category_code": {"template": "{kind}/{opened}"}},
                "closed": {"at": "closed", "when": {"state": {"not": "Open"}}, "tags": ["kind", "ward"]},
            }
        }
    )
    assert mapping.columns == ("id", "opened", "kind", "closed", "state", "ward")


def test_scalars_mean_what_is_written(tmp_path: Path) -> None:
    mapping = load(
        tmp_path,
        """
        source: test
        id: 001
        events:
          verified: {at: 2024-05-01, when: {Yes: [No, 07, null]}, is_valid: {column: On, map: {Yes: true}}}
        """,
    )
    rule = mapping.events["verified"]
    assert mapping.columns == ("001", "2024-05-01", "Yes", "On")
    assert rule.when["Yes"].any_of == ("No", "07", "null")
    assert rule.fields["is_valid"][0].map == {"Yes": "true"}


def test_the_time_zone_of_the_profile_holds_where_none_is_named(tmp_path: Path) -> None:
    assert load(tmp_path, "source: t\nid: i\nevents: {reported: o}").time_zone == "Asia/Shanghai"
    assert load(tmp_path, "source: t\nid: i\ntime_zone: UTC\nevents: {reported: o}").time_zone == "UTC"


def test_an_event_can_have_a_key_of_its_own() -> None:
    mapping = mapping_of(
        SIMPLE | {"events": {"second": {"verb": "dispatched", "at": "sent_2", "unit_code": "unit_2"}}}
    )
    assert event_type("second", mapping.events["second"]) == "gridrates.case.dispatched.v1"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (with_event(clsoed="c"), "there is no event 'clsoed', did you mean 'closed'"),
        (with_event(closed={"at": "c", "chanel": "x"}), "has no field 'chanel', did you mean 'channel'"),
        (with_event(dispatched="d"), "`dispatched` needs the field 'unit_code'"),
        (with_event(closed={"at": {"constant": "2024"}}), "a time comes from a column"),
        (with_event(closed={"at": "c", "deadline_at": {"constant": "x"}}), "a time comes from a column"),
        (with_event(closed={"at": "c", "channel": ["a", "b"]}), "takes one value"),
        (with_event(closed={"at": "c", "channel": {"constant": "{x}"}}), "'{x}': "),
        (
            with_event(closed={"at": "c", "closure_kind": {"constant": "odd"}}),
            "'odd': Input should be 'normal'",
        ),
        (
            with_event(visited={"at": "v", "satisfaction": {"column": "s", "map": {"好": "good"}}}),
            "'good': Input should be 'very_satisfied'",
        ),
        (
            with_event(
                visited={"at": "v", "satisfaction": {"column": "s", "map": {"好": ""}, "otherwise": "bad"}}
            ),
            "'bad': Input should be",
        ),
        (with_event(closed={"at": "c", "channel": {"column": "a", "formats": ["%Y"]}}), "belong to times"),
        (with_event(closed={"at": {"column": "c", "formats": ["YYYY"]}}), "'YYYY' is no time format"),
        (with_event(closed={"at": {"column": "c", "formats": ["%Y %z"]}}), "write one such as"),
        (with_event(closed={"at": {"column": "c", "time_zone": "Mars/Olympus"}}), "is no time zone"),
        (with_event(closed={"at": {"column": "c", "constant": "d"}}), "give one of `column`"),
        (with_event(closed={"at": {"column": "c", "otherwise": "d"}}), "`otherwise` needs a `map`"),
        (
            with_event(closed={"at": "c", "channel": {"constant": "d", "map": {"a": "b"}}}),
            "a constant needs no",
        ),
        (with_event(closed={"at": {"template": "x"}}), "names its columns in braces"),
        (with_event(closed={"at": {"template": "{a} {}"}}), "has a stray {}"),
        (with_event(closed={"at": {"template": "{a} }"}}), "has a stray }"),
        (with_event(closed={"at": "c", "channel": {"column": "a", "pattern": "("}}), "is no pattern"),
        (with_event(closed={"at": "c", "when": {"s": {"like": "x"}}}), "a condition is present, absent"),
        (with_event(closed={"at": "c", "channel": {"column": "a", "map": {}}}), "`map` holds no word"),
        (with_event(closed={"at": "c", "when": {"s": []}}), "a condition needs a word"),
        (with_event(closed={"at": "c", "when": {"s": {"not": []}}}), "a condition needs a word"),
        ("source: t\nid: i\nevents: {}", "it names no event"),
        ("source: '{t}'\nid: i\nevents: {reported: o}", "source"),
        ("source: t\nid: {constant: x}\nevents: {reported: o}", "the same for every row"),
        ("source: t\nid: i\ndelimiter: ';;'\nevents: {reported: o}", "one character"),
        ("source: t\nid: i\nsauce: x\nevents: {reported: o}", "sauce"),
        ("id: i\nevents: {reported: o}", "source: Field required"),
        ('source: t\nid: "a\\0b"\nevents: {reported: o}', "NUL"),
        ("source: t\nid: i\nevents: {reported: o, reported: p}", "'reported' is there twice"),
        ("source: t\nid: i\nevents:\n  reported: {o", "cannot be read"),
        ("- a list", "holds no keys"),
        ("", "holds no keys"),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        load(tmp_path, text)
    assert says in error.value.message
    assert "mapping.yaml" in error.value.message
    assert error.value.remedy
    assert "\n" not in error.value.message or "cannot be read" in error.value.message


def test_a_missing_file_and_one_of_another_encoding_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no mapping"):
        load_mapping(tmp_path / "none.yaml", time_zone="UTC")
    (tmp_path / "gbk.yaml").write_bytes("source: 杭州".encode("gb18030"))
    with pytest.raises(InputError, match="cannot be read"):
        load_mapping(tmp_path / "gbk.yaml", time_zone="UTC")


@given(st.text(alphabet=st.characters(exclude_characters="{}\0", exclude_categories=["Cs"]), min_size=1))
def test_a_template_finds_any_column_without_braces(name: str) -> None:
    value = Value.model_validate({"template": "{{" + "{" + name + "}" + "}} of {" + name + "}"})
    assert value.columns == (name, name)
    literals = "".join(literal for literal, _ in value.pieces)
    assert literals == "{} of "
