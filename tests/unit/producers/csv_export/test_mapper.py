"""Every event that comes out is valid by the contract, and every row that could give one does."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.events import validate
from contracts.landing_rules import TYPES
from gridrates.errors import InputError
from producers.csv_export.mapper import Mapper
from producers.csv_export.plan import Check, make_plan
from producers.csv_export.reading import BLANKS
from producers.mapping import VERBS, Mapping
from tests.exporting import SIMPLE, Outcome, import_rows, map_rows, mapping_of

NOON = "2024-05-01 12:00:00"
# One field of each kind, and what an empty cell of it means.
KINDS = {
    "channel": "code",
    "description": "text",
    "is_valid": "flag",
    "condition_no": "integer",
    "longitude": "number",
    "reporter_hash": "hash",
    "outcome": "word",
}


@cache
def mapper_of(text: str) -> tuple[Mapper, Mapping]:
    mapping = mapping_of(text)
    return Mapper(make_plan(mapping)), mapping


def outcomes(content: dict[str, Any], rows: list[dict[str, str]]) -> list[Outcome]:
    """What becomes of rows, given as cells by column; columns left out are empty."""
    mapper, mapping = mapper_of(json.dumps(content, ensure_ascii=False))
    cells = [[row.get(name, "") for name in mapping.columns] for row in rows]
    return map_rows(mapper, cells)


def events(content: dict[str, Any], **row: str) -> list[dict[str, Any]]:
    """The events of one row, each checked against the contract. The row must be mapped."""
    (outcome,) = outcomes(content, [row])
    assert not isinstance(outcome, Check), outcome
    made = [json.loads(event) for event in outcome[1] if event is not None]
    for event in made:
        validate(event)
        assert event["subject"].encode() == outcome[0]
    return made


def data(content: dict[str, Any], **row: str) -> dict[str, Any]:
    """The `data` of the first event of one row."""
    found: dict[str, Any] = events(content, **row)[0]["data"]
    return found


def problem(content: dict[str, Any], **row: str) -> Check:
    """Why one row is rejected."""
    (outcome,) = outcomes(content, [row])
    assert isinstance(outcome, Check), outcome
    return outcome


def verified(**fields: Any) -> dict[str, Any]:
    """A mapping of one event that happened at `t`."""
    return {"source": "test", "id": "id", "events": {"verified": {"at": "t", **fields}}}


cells = st.one_of(
    st.text(max_size=12),
    st.text(alphabet=" \t\n\u3000\u200b\ufeff\x00\x1f\x7f\x85{}[]\"'\\,a中😀", max_size=6),
    st.sampled_from(["true", "false", "True", "1", "0", "99", "100", "-1", "007", "1.5", "1e3", "confirmed"]),
    st.sampled_from(["refuted", "NaN", "Infinity", "1e999", "-180", "180.0001", "١٢", "0x10", "1_000", "+5"]),
    st.sampled_from(["0123456789abcdef", "0123456789ABCDEF", "a" * 200, "中" * 200, "a" * 201, "x" * 20_001]),
    st.integers(-(10**18), 10**18).map(str),
    st.floats().map(repr),
)
rows = st.fixed_dictionaries({"id": cells, **dict.fromkeys(KINDS, cells)})


def expected(row: dict[str, str]) -> dict[str, Any] | None:
    """What the contract makes of a row's cells as they are; None when it refuses them."""
    said = {name: cell.strip(BLANKS) for name, cell in row.items()}
    subject = said.pop("id")
    event = {
        "specversion": "1.0",
        "id": "x",
        "source": "test",
        "type": VERBS["verified"],
        "subject": subject,
        "time": "2024-05-01T12:00:00Z",
        "data": {name: cell for name, cell in said.items() if cell},
    }
    try:
        _, checked = validate(event)
    except ValidationError:
        return None
    return checked.model_dump(exclude_unset=True)


@settings(deadline=None)
@given(st.lists(rows, min_size=1, max_size=5))
@example([dict.fromkeys(["id", *KINDS], "\x00")])
@example([{"id": "1"} | dict.fromkeys(KINDS, "")])
def test_a_row_is_mapped_exactly_when_the_contract_takes_its_cells(given_rows: list[dict[str, str]]) -> None:
    content = verified(**{name: name for name in KINDS})
    with_time = [row | {"t": NOON} for row in given_rows]
    for row, outcome in zip(given_rows, outcomes(content, with_time), strict=True):
        wanted = expected(row)
        if isinstance(outcome, Check):
            assert wanted is None, (row, outcome)
            assert set(outcome.columns) <= {"id", *KINDS}
        else:
            (event,) = outcome[1]
            assert event is not None
            _, checked = validate(json.loads(event))
            assert checked.model_dump(exclude_unset=True) == wanted


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=20))
def test_no_time_breaks_the_import(texts: list[str]) -> None:
    content = verified(
        deadline_at={"column": "d", "formats": ["iso8601", "excel", "%Y-%m-%d", "%d/%m/%y %H"]}
    )
    for outcome in outcomes(content, [{"id": "1", "t": NOON, "d": text} for text in texts]):
        if not isinstance(outcome, Check):
            validate(json.loads(outcome[1][0] or b""))


@pytest.mark.parametrize("verb", VERBS)
def test_every_field_of_every_type_can_be_mapped(verb: str) -> None:
    values = {
        "code": "中 文/1",
        "codes": "a",
        "text": 'she said "no"\n再见\\',
        "moment": "2024-05-02 08:00:00",
        "flag": "true",
        "integer": "7",
        "number": "3.25",
        "hash": "0123456789abcdef",
    }
    fields = TYPES[VERBS[verb]].fields
    row = {name: rule.words[0] if rule.words else values[rule.kind.name] for name, rule in fields.items()}
    content = {"source": "s", "id": "id", "events": {verb: {"at": "t", **{name: name for name in fields}}}}
    (event,) = events(content, id="1", t=NOON, **row)
    assert event["type"] == VERBS[verb]
    assert set(event["data"]) == set(fields)
    assert event["data"]["description"] == values["text"]
    assert event["data"]["longitude"] == 3.25
    assert event["data"]["tags"] == ["a"]


def test_an_event_looks_like_this() -> None:
    content = verified(channel="c", is_valid={"constant": "true"}, tags=["c", "d", {"constant": "x"}])
    (event,) = events(content, id=" 7 ", t="2024-05-01 12:00:00.25", c="热线", d="")
    assert event == {
        "specversion": "1.0",
        "id": event["id"],
        "source": "test",
        "type": "gridrates.case.verified.v1",
        "subject": "7",
        "time": "2024-05-01T12:00:00.25Z",
        "sequence": 1,
        "data": {"channel": "热线", "is_valid": True, "tags": ["热线", "x"]},
    }


def test_fields_without_a_value_are_left_out() -> None:
    assert data(verified(channel="c", tags=["c", "d"], deadline_at="d"), id="1", t=NOON) == {}


class TestValues:
    def test_a_map_translates_and_rejects_what_it_does_not_know(self) -> None:
        content = verified(
            outcome={"column": "o", "map": {"属实": "confirmed", "不属实": "refuted", "-": ""}}
        )
        assert data(content, id="1", t=NOON, o="属实") == {"outcome": "confirmed"}
        assert data(content, id="1", t=NOON, o="-") == {}
        assert data(content, id="1", t=NOON) == {}
        check = problem(content, id="1", t=NOON, o="待定")
        assert check.reason == "`outcome` of `verified` has no entry in its map"
        assert check.columns == ("o",)

    def test_otherwise_stands_for_what_the_map_does_not_know_but_not_for_nothing(self) -> None:
        content = verified(channel={"column": "c", "map": {"a": "A"}, "otherwise": "other"})
        assert data(content, id="1", t=NOON, c="zzz") == {"channel": "other"}
        assert data(content, id="1", t=NOON) == {}
        content = verified(channel={"column": "c", "map": {"a": "A"}, "otherwise": ""})
        assert data(content, id="1", t=NOON, c="zzz") == {}

    def test_a_pattern_keeps_its_first_group_or_all_it_matches(self) -> None:
        content = verified(channel={"column": "c", "pattern": "([1-9][0-9]*)$"})
        assert data(content, id="1", t=NOON, c="Ward 07") == {"channel": "7"}
        assert problem(content, id="1", t=NOON, c="Ward").reason.endswith("does not match its pattern")
        assert data(content, id="1", t=NOON) == {}
        content = verified(
            channel={"column": "c", "pattern": "[a-z]+", "map": {"ab": "AB"}, "otherwise": "?"}
        )
        assert data(content, id="1", t=NOON, c="12ab") == {"channel": "AB"}
        assert data(content, id="1", t=NOON, c="12") == {"channel": "?"}
        assert data(content, id="1", t=NOON, c="cd") == {"channel": "?"}

    def test_a_template_joins_columns_and_needs_them_all(self) -> None:
        content = verified(category_code={"template": "{大类}'{{/}}{小类}"})
        with pytest.raises(AssertionError, match="shape"):
            data(content, id="1", t=NOON, 大类="街面", 小类="占道")
        content = verified(category_code={"template": "{大类}'/{小类}"})
        assert data(content, id="1", t=NOON, 大类="街面", 小类="占道") == {"category_code": "街面'/占道"}
        assert data(content, id="1", t=NOON, 大类="街面") == {}

    def test_date_and_time_in_two_columns(self) -> None:
        content = verified() | {"events": {"verified": {"at": {"template": "{d} {t}"}}}}
        assert events(content, id="1", d="2024/5/1", t="8:05:00")[0]["time"] == "2024-05-01T08:05:00Z"

    def test_words_that_mean_nothing(self) -> None:
        content = verified(channel="c") | {"empty": ["NULL", "无"]}
        assert data(content, id="1", t=NOON, c=" NULL") == {}
        assert data(content, id="1", t=NOON, c="无") == {}
        assert data(content, id="1", t=NOON, c="无锡") == {"channel": "无锡"}

    @pytest.mark.parametrize("text", ["'", "''; DROP TABLE chunk; --", '"', "\\", "{{ 1 }}", "%s", "$1", "?"])
    def test_text_of_the_mapping_is_never_sql(self, text: str) -> None:
        content = verified(
            description={"column": text, "map": {text: f"={text}"}},
            reason={"constant": text},
        )
        content["events"]["verified"]["when"] = {text: text}
        mapping = mapping_of(content)
        row = {"id": "1", "t": NOON, text: text}
        mapper = Mapper(make_plan(mapping))
        (outcome,) = map_rows(mapper, [[row[name] for name in mapping.columns]])
        assert not isinstance(outcome, Check)
        assert json.loads(outcome[1][0] or b"")["data"] == {"description": f"={text}", "reason": text}

    @settings(deadline=None)
    @given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
    def test_any_text_can_be_a_column_a_word_and_a_constant(self, text: str) -> None:
        content = verified(description={"column": "d", "map": {text: text}})
        mapping = mapping_of(verified()).model_copy(update={"events": mapping_of(content).events})
        (outcome,) = map_rows(Mapper(make_plan(mapping)), [["1", NOON, text.strip(BLANKS)]])
        if text == text.strip(BLANKS):
            assert not isinstance(outcome, Check)
            assert json.loads(outcome[1][0] or b"")["data"] == {"description": text}


class TestConditions:
    CONTENT: ClassVar[dict[str, Any]] = {
        "source": "test",
        "id": "id",
        "events": {
            "reported": {"at": "t", "when": {"a": "present"}},
            "accepted": {"at": "t", "when": {"a": "absent"}},
            "filed": {"at": "t", "when": {"a": "x"}},
            "closed": {"at": "t", "when": {"a": ["x", "y"], "b": "present"}},
            "supervised": {"at": "t", "when": {"a": {"not": ["x", "y"]}}},
            "resumed": {"at": "t", "when": {"a": ["present"]}},
            "suspended": {"at": "t", "when": {"a": ["", "w"]}},
            "exempted": {"at": "t", "when": {"a": {"not": ["", "x", "y", "z"]}}},
        },
    }

    @pytest.mark.parametrize(
        ("a", "b", "verbs"),
        [
            ("x", "1", ["reported", "filed", "closed"]),
            ("x", "", ["reported", "filed"]),
            ("y", "1", ["reported", "closed"]),
            ("z", "", ["reported", "supervised"]),
            ("", "1", ["accepted", "supervised", "suspended"]),
            ("w", "1", ["reported", "supervised", "suspended", "exempted"]),
            ("present", "", ["reported", "supervised", "resumed", "exempted"]),
        ],
    )
    def test_they_choose_the_events(self, a: str, b: str, verbs: list[str]) -> None:
        made = events(self.CONTENT, id="1", t=NOON, a=a, b=b)
        assert [event["type"].split(".")[2] for event in made] == verbs

    def test_sequence_is_the_place_in_the_mapping_whatever_is_made(self) -> None:
        made = events(self.CONTENT, id="1", t=NOON, a="y", b="1")
        assert [event["sequence"] for event in made] == [1, 4]

    def test_checks_of_an_event_that_is_not_made_do_not_matter(self) -> None:
        content = verified()
        content["events"]["closed"] = {"at": "c", "when": {"state": "Closed"}, "channel": "ch"}
        assert len(events(content, id="1", t=NOON, c="rubbish", ch="{", state="Open")) == 1
        assert (
            problem(content, id="1", t=NOON, c="", state="Closed").reason == "the time of `closed` is empty"
        )
        assert problem(content, id="1", t=NOON, c=NOON, ch="{", state="Closed").columns == ("ch",)

    def test_a_row_without_any_event_is_rejected(self) -> None:
        content = verified()
        content["events"]["verified"]["when"] = {"state": "Closed"}
        assert "gives no event" in problem(content, id="1", t=NOON, state="Open").reason


class TestIds:
    CONTENT: ClassVar[dict[str, Any]] = {
        "source": "test",
        "id": "id",
        "events": {
            "verified": {"at": "t", "channel": "c"},
            "closed": {"at": "e", "when": {"e": "present"}, "unit_code": "u"},
        },
    }

    def ids(self, **row: str) -> list[str]:
        return [event["id"] for event in events(self.CONTENT, **({"id": "1", "t": NOON} | row))]

    def test_the_same_row_gives_the_same_ids(self) -> None:
        assert self.ids(c="a", e=NOON) == self.ids(c=" a ", e="2024-05-01T12:00:00Z")

    def test_a_changed_row_gives_new_ids_for_what_changed_only(self) -> None:
        first = self.ids(c="a")
        closed = self.ids(c="a", e=NOON)
        moved = self.ids(c="a", e=NOON, u="x")
        assert closed[0] == moved[0] == first[0]
        assert closed[1] != moved[1]

    def test_they_differ_by_case_source_and_verb(self) -> None:
        assert len({*self.ids(e=NOON), *self.ids(e=NOON, id="2")}) == 4
        other = self.CONTENT | {"source": "other"}
        assert events(other, id="1", t=NOON)[0]["id"] != self.ids()[0]

    def test_they_stay_as_they_are_in_this_version(self) -> None:
        # Ids that change between versions would make every re-import land twice.
        assert self.ids(c="a", e=NOON, u="单位") == [
            "1ceae542eba09018eca97e87b5b07b2a",
            "6b2669b932ba6c00f6c2f9c5ebc9b5d2",
        ]


@pytest.mark.parametrize(
    "value",
    [{"column": "c", "pattern": r"x(?=y)"}, {"column": "c", "pattern": r"(a)\1"}],
)
def test_a_pattern_that_duckdb_does_not_know_is_refused_before_the_first_row(value: dict[str, str]) -> None:
    with pytest.raises(InputError, match="cannot be carried out"):
        Mapper(make_plan(mapping_of(verified(channel=value))))


def test_a_time_format_that_duckdb_does_not_know_is_refused_before_the_first_row() -> None:
    with pytest.raises(InputError, match="cannot be carried out"):
        Mapper(make_plan(mapping_of(verified() | {"time_formats": ["%Y-%Q"]})))


def test_bytes_of_another_encoding_reject_their_rows_only() -> None:
    content = verified(channel="c")
    found = outcomes(content, [{"id": "1", "t": NOON, "c": c} for c in ("a", "\udce4x", "b", "\udcff")])
    assert [isinstance(outcome, Check) for outcome in found] == [False, True, False, True]
    assert found[1].columns == ("c",)  # type: ignore[union-attr]
    assert "holds bytes that the file's encoding lacks" in found[1].reason  # type: ignore[union-attr]


def test_the_guard_of_a_spreadsheet_is_taken_off(tmp_path: Path) -> None:
    opened = ["2024-05-01 08:00:00", ""]
    rows = [["id", "opened", "closed"], ['="00123"', *opened], ['="a"x', *opened], ["00124", *opened]]
    got = import_rows(tmp_path, rows, SIMPLE)
    assert [event["subject"] for event in got.events] == ["00123", "00124"]
    assert got.rejects[0]["id"] == '="a"x'
