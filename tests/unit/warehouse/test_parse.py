"""Payloads become rows or refusals; the fast way by SQL and the exact way by the models never disagree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.events import CASE_TYPES, DATA_TYPES
from contracts.landing_rules import COLUMNS, ENVELOPE, TYPES
from tests.landing import LONGEST, batch_of, event, payload, payloads
from warehouse import parse_sql, plain
from warehouse.masking import masked
from warehouse.parse import Parsed, Parser
from warehouse.statements import statement
from warehouse.verdict import Accepted, Refused, judge

RIGHT = {
    "code": "G-01",
    "codes": ["spring", "night-1"],
    "text": "overflowing bin",
    "moment": "2026-05-02T09:30:00.250+08:00",
    "flag": True,
    "integer": 7,
    "number": 1.25,
    "hash": "0123456789abcdef",
}


@pytest.fixture(scope="module")
def parser():
    with Parser(longest=LONGEST) as made:
        yield made


def parse(parser: Parser, *values: bytes | None) -> Parsed:
    """As a landing does it, but that nothing is masked."""
    batch = batch_of(values)
    return parser.parse(replace(batch, plain_rows=masked(batch).plain_rows))


def rows_of(parsed: Parsed) -> dict[int, dict[str, Any]]:
    """The accepted rows by number, with the contract's columns."""
    rows = parsed.select(parsed.identities.rows).to_pylist()
    return {row.pop("n"): row for row in rows}


def judged(parsed: Parsed) -> int:
    """How many accepted rows SQL alone was not sure of."""
    return len(parsed.parts[-1].rows)


def full(event_type: str) -> dict[str, Any]:
    """An event that fills every field its type knows."""
    fields = TYPES[event_type].fields
    data = {name: (rule.words or [RIGHT.get(rule.kind.name)])[0] for name, rule in fields.items()}
    return event(id=event_type, type=event_type, sequence=3, data=data)


class RawJson(str):
    """A value that is JSON already."""


def raw(value: Any) -> bytes:
    """JSON of a nested dictionary, with `RawJson` as it stands."""
    if isinstance(value, RawJson):
        return value.encode()
    if isinstance(value, dict):
        return b"{" + b",".join(json.dumps(k).encode() + b":" + raw(v) for k, v in value.items()) + b"}"
    return json.dumps(value, ensure_ascii=False).encode()


def test_the_statements_are_current() -> None:
    for name, text in parse_sql.generate().items():
        assert statement(name) == text, "run `python -m warehouse.parse_sql`"


@pytest.mark.parametrize("event_type", DATA_TYPES)
def test_every_field_of_every_type_lands_in_its_column(parser: Parser, event_type: str) -> None:
    made = full(event_type)
    parsed = parse(parser, json.dumps(made).encode())
    assert judged(parsed) == 0, "SQL alone is sure of it"
    (row,) = rows_of(parsed).values()
    expected = judge(b"{}", json.dumps(made), longest=LONGEST)
    assert isinstance(expected, Accepted)
    assert row == expected.row
    assert set(TYPES[event_type].fields) == {name for name in COLUMNS if row[name] is not None}


def test_a_field_its_type_does_not_know_has_no_column(parser: Parser) -> None:
    strange = {"stage": 7, "outcome": ["x"], "task_id": {"a": 1}, "unit_code": "U1", "new": [1]}
    (row,) = rows_of(parse(parser, payload(data=strange))).values()
    assert {name: row[name] for name in COLUMNS if row[name] is not None} == {"unit_code": "U1"}


def test_null_is_the_same_as_absent(parser: Parser) -> None:
    closed = payload(type="gridrates.case.closed.v1", data={"unit_code": None, "closure_kind": None})
    (row,) = rows_of(parse(parser, closed)).values()
    assert (row["unit_code"], row["closure_kind"]) == (None, None)


REFUSED = {
    "no value": (None, "tombstone", "no value"),
    "too large": (payload(data={"x": "y" * LONGEST}), "too_large", "1,048,576 are allowed"),
    "cut": (payload()[:-9], "not_json", "line 1, column"),
    "empty": (b"", "not_json", "line 1, column 1"),
    "two": (payload() * 2, "not_json", "Extra data"),
    "byte order mark": ("\ufeff".encode() + payload(), "not_json", "BOM"),
    "half a character": (payload().replace(b"U1", rb"\ud83d"), "not_json", "half a character"),
    "raw control": (payload().replace(b"U1", b"U\n1"), "not_json", "control character"),
    "comment": (b"/* hello */" + payload(), "not_json", "line 1"),
    "single quotes": (payload().replace(b'"', b"'"), "not_json", "line 1"),
    "latin-1": (payload().replace(b"U1", "Stra\u00dfe".encode("latin-1")), "not_utf8", "Byte"),
    "utf-16": (payload().decode().encode("utf-16"), "not_utf8", "Byte 0"),
    "overlong": (payload().replace(b"U1", b"\xc0\xaf"), "not_utf8", "Byte"),
    "array": (b"[1, 2, 3, 4, 5, 6]", "not_object", "an array"),
    "text": (b'"just some text"', "not_object", "a text"),
    "number": (b"123456789012345", "not_object", "a number"),
    "truth": (b"          true", "not_object", "a truth value"),
    "null": (b"          null", "not_object", "null"),
    "deep": (b"[" * 100_000 + b"]" * 100_000, "not_json", "nested too deeply"),
    "nothing in it": (b"{}", "missing_attribute", "id: Field required"),
    "no id": (payload(id=None), "missing_attribute", "id: Field required"),
    "null subject": (payload().replace(b'"C-1"', b"null"), "missing_attribute", "subject"),
    "no data": (payload(data=None), "missing_attribute", "data: Field required"),
    "empty id": (payload(id=""), "empty_attribute", "id: not a code"),
    "blank source": (payload(source="  "), "empty_attribute", "source: not a code"),
    "no offset": (payload(time="2026-05-01T08:00:00"), "bad_time", "time: not an RFC 3339 time"),
    "no such day": (payload(time="2026-02-30T08:00:00Z"), "bad_time", "time: "),
    "too early": (payload(time="0001-01-01T00:00:00Z"), "bad_time", "1970"),
    "too late": (payload(time="9999-12-31T23:59:59Z"), "bad_time", "2199"),
    "time as a number": (payload(time=1_777_593_600), "bad_time", "time: "),
    "other type": (payload(type="gridrates.case.painted.v1"), "unknown_type", "unknown event type"),
    "type in capitals": (payload(type="GRIDRATES.CASE.CLOSED.V1"), "unknown_type", "unknown event type"),
    "old specversion": (payload(specversion="0.3"), "schema_violation", "specversion: Input should be '1.0'"),
    "specversion as a number": (payload(specversion=1.0), "schema_violation", "specversion"),
    "data is a text": (payload(data="x"), "schema_violation", "data: "),
    "data is a list": (payload(data=[]), "schema_violation", "data: "),
    "code is a truth value": (payload(data={"unit_code": True}), "schema_violation", "data.unit_code"),
    "code is a fraction": (payload(data={"unit_code": 1.5}), "schema_violation", "data.unit_code"),
    "code is an object": (payload(data={"unit_code": {}}), "schema_violation", "data.unit_code"),
    "code too long": (payload(data={"unit_code": "U" * 201}), "schema_violation", "data.unit_code"),
    "text is a number": (payload(data={"reason": 12}), "schema_violation", "data.reason"),
    "text too long": (payload(data={"reason": "长" * 20_001}), "schema_violation", "data.reason"),
    "out of bounds": (payload(data={"longitude": 180.5}), "schema_violation", "data.longitude"),
    "tags is a text": (payload(data={"tags": '["a"]'}), "schema_violation", "data.tags"),
    "tags hold a list": (payload(data={"tags": ["a", []]}), "schema_violation", "data.tags.1"),
    "one tag too long": (payload(data={"tags": ["a", "t" * 201]}), "schema_violation", "data.tags.1"),
    "too many tags": (payload(data={"tags": ["t"] * 1_001}), "schema_violation", "data.tags"),
    "beyond every float": (payload(data={"longitude": 10**400}), "schema_violation", "data.longitude"),
    "hash is a number": (payload(data={"reporter_hash": 10**16}), "schema_violation", "data.reporter_hash"),
    "negative sequence": (payload(sequence=-1), "schema_violation", "sequence"),
    "other word": (
        payload(type="gridrates.case.checked.v1", data={"outcome": "confirmed"}),
        "schema_violation",
        "data.outcome: Input should be 'passed' or 'failed'",
    ),
    "missing field": (payload(type="gridrates.case.dispatched.v1"), None, ""),
    "no unit": (payload(type="gridrates.case.dispatched.v1", data={}), "schema_violation", "data.unit_code"),
    "empty reason": (
        payload(type="gridrates.case.voided.v1", data={"reason": ""}),
        "schema_violation",
        "data.reason",
    ),
}


def test_every_refusal_has_its_reason(parser: Parser) -> None:
    """All in one batch, so that no bad record hides another or spoils a good one."""
    good = payloads(len(REFUSED))
    values = [
        value for pair in zip(good, [value for value, *_ in REFUSED.values()], strict=True) for value in pair
    ]
    parsed = parse(parser, *values)
    for number, (name, (_, code, words)) in enumerate(REFUSED.items()):
        found = parsed.refused.get(2 * number + 1)
        assert (found.code if found else None) == code, name
        assert words in (found.text if found else ""), name
        assert 2 * number not in parsed.refused, f"the good one before {name!r}"


def test_as_many_tags_as_there_may_be(parser: Parser) -> None:
    assert parse(parser, payload(data={"tags": ["t"] * 1_000})).refused == {}


@pytest.mark.parametrize("tags", [["小区微治办", "C-1"], ["t" * 200, "重点" * 100]])
def test_plain_tags_of_any_language_need_no_second_look(parser: Parser, tags: list[str]) -> None:
    parsed = parse(parser, payload(data={"tags": tags}))
    assert judged(parsed) == 0
    assert rows_of(parsed)[0]["tags"] == tags


def test_what_only_duckdb_takes_for_json_is_refused() -> None:
    """One payload must never stop a landing for good."""
    refused = judge(b"{x: 1}", "{x:1}", longest=LONGEST)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.text) == (
        "not_json",
        "Expecting property name enclosed in double quotes: column 2 of the JSON without blanks.",
    )


def test_a_refusal_says_who_it_is_where_that_can_be_read(parser: Parser) -> None:
    refused = parse(parser, payload(id="e-7", time="soon"), b"[]").refused
    assert (refused[0].source, refused[0].event_id) == ("/test", "e-7")
    assert (refused[1].source, refused[1].event_id) == (None, None)


ACCEPTED = {
    "spaces": json.dumps(event(), indent=4).encode(),
    "ascii only": json.dumps(event(data={"unit_code": "城管局", "reason": "路灯😀"})).encode(),
    "escaped names": payload().replace(b'"id"', rb'"\u0069d"'),
    "keys in another order": json.dumps(dict(reversed(event().items()))).encode(),
    "numbers for codes": payload(id=7, subject=12345678901234567890),
    "codes like numbers": payload(id="1.5", subject="1e5", data={"unit_code": "true", "channel": "NaN"}),
    "texts like numbers": payload(data={"reason": "12", "description": "[urgent] {now}"}),
    "texts with controls": payload(data={"reason": "a\x00b\n\tc\x7f"}),
    "lower-case time": payload(time="2026-05-01t08:00:00z"),
    "nine decimals": payload(time="2026-05-01T08:00:00.123456789+08:00"),
    "far offset": payload(time="2026-05-01T08:00:00-23:59"),
    "numbers as text": payload(sequence="12", data={"longitude": "-0.5e1", "condition_no": "07"}),
    "big and small": payload(data={"longitude": 1e-300, "latitude": -0.0}),
    "flags as text": payload(data={"is_valid": "false"}),
    "hash of digits": payload(data={"reporter_hash": "1234567890123456"}),
    "odd tags": payload(data={"tags": ["ü", "a b", 7]}),
    "no tags": payload(data={"tags": []}),
    "empty data": payload(data={}),
    "only unknown data": payload(data={"colour": "red"}),
    "extra attributes": payload(traceparent="00-ab", datacontenttype="application/json"),
    "doubled keys": payload().replace(b'"data"', b'"id": "other", "data"'),
    "trailing comma": payload().replace(b"}}", b",},}"),
    "not a number": payload(data={"unit_code": "U1", "x": float("nan"), "y": float("-inf")}),
    "less than no number": payload().replace(b'"U1"', b'"U1", "x": [-nan, -NaN]'),
    "loose words": payload().replace(b'"U1"', b'"U1", "x": nan, "y": [-inf, Infinity]'),
    "endless digits": payload().replace(b'"U1"', b'"U1", "x": ' + b"9" * 6000),
    "deep but readable": payload(data={"x": json.loads("[" * 400 + "]" * 400)}),
    "many brackets": payload(data={"x": [[] for _ in range(3000)]}),
}


def test_unusual_is_not_wrong(parser: Parser) -> None:
    parsed = parse(parser, *ACCEPTED.values())
    assert {name: parsed.refused[n].text for n, name in enumerate(ACCEPTED) if n in parsed.refused} == {}
    assert len(rows_of(parsed)) == len(ACCEPTED)


def test_unusual_values_land_as_what_they_mean(parser: Parser) -> None:
    rows = dict(zip(ACCEPTED, rows_of(parse(parser, *ACCEPTED.values())).values(), strict=True))
    assert rows["numbers for codes"]["event_id"] == "7"
    assert rows["numbers for codes"]["subject_id"] == "12345678901234567890"
    assert rows["nine decimals"]["occurred_at"].isoformat() == "2026-05-01T00:00:00.123456+00:00"
    assert rows["far offset"]["occurred_at"].isoformat() == "2026-05-02T07:59:00+00:00"
    assert rows["numbers as text"]["longitude"] == -5.0
    assert rows["numbers as text"]["condition_no"] == 7
    assert rows["odd tags"]["tags"] == ["ü", "a b", "7"]
    assert rows["no tags"]["tags"] == []
    assert rows["doubled keys"]["event_id"] == "e-1", "the first of two counts"
    assert rows["texts with controls"]["reason"] == "a\x00b\n\tc\x7f"
    assert rows["ascii only"]["reason"] == "路灯😀"


# Values as they may stand in JSON, most of them on some edge, one a line.
EDGES = (Path(__file__).parent / "json_edges.txt").read_text(encoding="utf-8").splitlines()
TOKENS = st.sampled_from(EDGES) | st.text(max_size=6).map(json.dumps)
FIELDS = st.dictionaries(st.sampled_from([*COLUMNS, "colour"]), TOKENS, max_size=4)


@st.composite
def horrors(draw: st.DrawFn) -> bytes:
    """A good event with some of its parts replaced by edge cases, written by hand so that anything goes."""
    made = {name: json.dumps(value) for name, value in event(id=str(draw(st.integers(0, 99)))).items()}
    made["type"] = json.dumps(draw(st.sampled_from(list(DATA_TYPES))))
    made |= draw(st.dictionaries(st.sampled_from([*ENVELOPE, "specversion", "data"]), TOKENS, max_size=1))
    if draw(st.integers(0, 9)):
        made["data"] = "{" + ",".join(f'"{k}":{v}' for k, v in draw(FIELDS).items()) + "}"
    left_out = draw(st.none() | st.sampled_from(list(made)))
    pairs = [f'"{name}": {value}' for name, value in made.items() if name != left_out]
    pairs += draw(st.lists(st.sampled_from([*pairs, '"type":"x"', '"data":7']), max_size=1))
    return ("{" + ", ".join(draw(st.permutations(pairs))) + "}").encode()


def assert_agreement(parser: Parser, values: list[bytes]) -> int:
    """Judge every value the exact way too, plain ones with and without knowing that they are.

    Returns how many of them SQL was sure of.
    """
    parsed, unknown = parse(parser, *values), parser.parse(batch_of(values))
    rows, rows_unknown = rows_of(parsed), rows_of(unknown)
    assert rows.keys() | parsed.refused.keys() == set(range(len(values)))
    for number, value, text in parser._minified(parsed.batch, range(len(values))):
        expected = judge(value, text, longest=LONGEST)
        if isinstance(expected, Refused):
            assert parsed.refused.get(number) == unknown.refused.get(number) == expected, value
        else:
            assert rows.get(number) == rows_unknown.get(number) == expected.row, value
    return len(rows) - judged(parsed)


def every_edge() -> Iterator[bytes]:
    """Every edge in every place it can stand in: each attribute, and each field of a type that knows it."""
    for name in ("specversion", *ENVELOPE, "data"):
        yield from (raw(event() | {name: RawJson(edge)}) for edge in EDGES)
    rules = {rule: event_type for event_type, known in TYPES.items() for rule in known.fields.values()}
    for rule, event_type in rules.items():
        made = full(event_type)
        yield from (raw(made | {"data": made["data"] | {rule.name: RawJson(edge)}}) for edge in EDGES)


def test_sql_and_models_agree_on_every_edge_in_every_field(parser: Parser) -> None:
    values = list(dict.fromkeys(every_edge()))
    assert len(values) > 60 * len(EDGES)
    sure = assert_agreement(parser, values)
    assert sure > len(values) / 10, "SQL decides much of it alone"


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(horrors() | st.binary(max_size=60), min_size=20, max_size=60))
def test_sql_and_models_agree_on_anything(parser: Parser, values: list[bytes]) -> None:
    assert_agreement(parser, values)


def test_most_events_need_no_second_look(parser: Parser) -> None:
    every = [json.dumps(full(t)).encode() for t in DATA_TYPES] * 3
    assert judged(parse(parser, *every)) == 0


def common(event_type: str) -> dict[str, Any]:
    """An event that fills the fields that plain ones have."""
    made = full(event_type)
    return made | {"data": {name: value for name, value in made["data"].items() if name in plain.COLUMNS}}


def plain_ones(*values: bytes) -> list[int]:
    return masked(batch_of(values)).plain_rows.tolist()


@pytest.mark.parametrize("blanks", [(",", ":"), (", ", ": "), (" ,\n", "\t: ")])
def test_events_of_common_fields_are_plain(parser: Parser, blanks: tuple[str, str]) -> None:
    made = [common(model.type) for model in CASE_TYPES]
    made += [event(subject="案件-1", data={"unit_code": "城管中队 一", "reason": '他说"好"\n再见'})]
    values = [json.dumps(each, ensure_ascii=False, separators=blanks).encode() for each in made]
    assert plain_ones(*values) == list(range(len(values)))
    parsed = parse(parser, *values)
    assert len(parsed.parts[0].rows) == len(values), "one statement is sure of all of them"


NOT_PLAIN = {
    "rare field": payload(data={"tags": []}),
    "rare field, far inside": payload(data={"x": {"severity": 1}}),
    "number for a code": payload(data={"unit_code": 7}),
    "null for a code": payload(data={"unit_code": None}),
    "empty code": payload(id=""),
    "blank first": payload(id=" e"),
    "blank last": payload(data={"unit_code": "U "}),
    "wide blank": payload(data={"unit_code": "U\u3000"}),
    "bracket": payload(subject="C{1"),
    "escape in a code": payload(subject="C\t1"),
    "number for a text": payload(data={"description": 12}),
    "version as a number": payload(specversion=1.0),
    "other version": payload(specversion="1.01"),
    "escaped name": payload().replace(b'"unit_code"', rb'"\u0075nit_code"'),
    "cut off": payload()[:-3],
    "no JSON": b"1, 2, 3",
    "too long": payload(data={"reason": "x" * 20_000}),
    "personal data": payload(data={"reason": "打13812345678"}),
}


def test_what_sql_may_not_trust_is_not_plain() -> None:
    good = payloads(len(NOT_PLAIN))
    values = [value for pair in zip(good, NOT_PLAIN.values(), strict=True) for value in pair]
    assert plain_ones(*values) == list(range(0, len(values), 2))


def test_a_malformed_payload_costs_the_others_nothing(parser: Parser) -> None:
    good = payloads(5000)
    parsed = parse(parser, *good[:2500], b'{"specversion": "1.0", "id', b"\xff" * 40, *good[2500:])
    assert sorted(parsed.refused) == [2500, 2501]
    assert judged(parsed) == 0
    assert len(rows_of(parsed)) == 5000


def test_hashes_tell_ids_and_payloads_apart(parser: Parser) -> None:
    values = [payload(id="1.5"), payload(id="e-1"), payload(id="1.5", data={"unit_code": "U2"})]
    ids = parse(parser, *values, values[1]).identities
    assert ids.rows.tolist() == [0, 1, 2, 3]
    assert [a == b for a in ids.id_hashes for b in ids.id_hashes] == [
        *(True, False, True, False),
        *(False, True, False, True),
        *(True, False, True, False),
        *(False, True, False, True),
    ]
    assert ids.payload_hashes[1] == ids.payload_hashes[3]
    assert len(set(ids.payload_hashes.tolist())) == 3


def test_knows_as_many_case_types_as_the_contract(parser: Parser) -> None:
    values = [json.dumps(full(model.type)).encode() for model in CASE_TYPES]
    assert {row["event_type"] for row in rows_of(parse(parser, *values)).values()} == {
        model.type for model in CASE_TYPES
    }
