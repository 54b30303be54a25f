"""What is taken for personal data in a text, and what is not: by the gate and, alike, by the masking."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.landing_rules import COLUMNS, ENVELOPE
from contracts.personal_data import (
    FULL_WIDTH,
    HALF_WIDTH,
    MARKS,
    find,
    mask,
    mask_payload,
    mask_payloads,
    may_say_the_same,
    screen,
)
from expectations.rendering import macros

MOBILE, IDENTITY, EMAIL, PLATE = "mobile number", "resident identity number", "e-mail address", "plate number"
LANDLINE, CARD = "landline number", "bank card number"
PLANTED = ["13812345678", "a.b@c.example.cn", "11010519491231002X", "0571-87654321", "浙A12345", "浙a12345"]
PLANTED += [
    "6222 0212 3456 7894",
    "（010）8765 4321",
    "座机：87654321",
    "１３８１２３４５６７８",
    "粤Z·1234港",
]
WIDE = str.maketrans(HALF_WIDTH, FULL_WIDTH)
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@pytest.fixture(scope="module")
def words() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(macros())
        yield connection


def kinds(connection: duckdb.DuckDBPyConnection, text: str | None) -> list[str]:
    """What the rules find, and the masking too: nothing is searched for that the quick look has let by."""
    sql = "SELECT CASE WHEN may_be_personal($text) THEN personal_data_in($text) ELSE [] END"
    ((found,),) = connection.execute(sql, {"text": text}).fetchall()
    assert set(found) == {each.kind.en for each in find(text or "")}
    return sorted(found)


def with_check_digit(digits: str) -> str:
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, digits, strict=True))
    return digits + "10X98765432"[total % 11]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("联系13812345678", [MOBILE]),
        ("13812345678", [MOBILE]),
        ("tel 138-1234-5678", [MOBILE]),
        ("199 1234 5678 王", [MOBILE]),
        ("+8613812345678", [MOBILE]),
        ("电话：86 13812345678。", [MOBILE]),
        ('{"phone":"13812345678"}', [MOBILE]),
        (r'{"words":"\u624b\u673a13812345678"}', [MOBILE]),
        (r'{"words":"call\n13812345678"}', [MOBILE]),
        ("身份证11010519491231002X，", [IDENTITY]),
        ("11010519491231002x", [IDENTITY]),
        ("写信 zhang.san@mail.example.cn 吧", [EMAIL]),
        ("a@b.cn", [EMAIL]),
        ("浙A12345", [PLATE]),
        ("车牌浙A·12345停在门口", [PLATE]),
        ("浙AD12345", [PLATE]),
        ("粤Z1234港", [PLATE]),
        (r'{"words":"\u6d59A12345"}', [PLATE]),
        ("浙a·d12345", [PLATE]),
        ("新能源浙AD12345、浙A12345D", [PLATE]),
        ("0086 13812345678", [MOBILE]),
        ("１３８１２３４５６７８", [MOBILE]),
        ("0571-87654321", [LANDLINE]),
        ("(0571)8765 4321转8001", [LANDLINE]),
        ("（010）87654321", [LANDLINE]),
        ("02187654321", [LANDLINE]),
        ("座机：8765-4321", [LANDLINE]),
        ("卡号6222 0212 3456 7894", [CARD]),
        ("6222021234567894", [CARD]),
        ("4111111111111111", [CARD]),
        ("王13812345678 浙A12345 a@b.cn", [MOBILE, EMAIL, PLATE]),
    ],
)
def test_finds(words: duckdb.DuckDBPyConnection, text: str, expected: list[str]) -> None:
    assert kinds(words, text) == sorted(expected)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "沿街第13号门前有暴露垃圾",
        "12812345678",  # no such prefix
        "113812345678",  # part of a longer number
        "138123456789",
        "E13812345678",  # a code
        '{"longitude":120.13812345678,"latitude":30.2}',
        '{"time":"2026-05-01T08:00:00.123456+08:00"}',
        "5b1d9a3e-13c4-4d2a-9f55-13812345678a",
        "11010519491231002Y",
        "110105194912310020",  # the check digit is X
        "110105194913310021",  # no such month
        "E11010519491231002X",
        "330109202605010013",  # a case number, whose check digit would be another
        "请 @张三 处理",
        "a@b",
        "京A1234",
        "新E010120260501",
        "沪C1234567",
        "6222021234567893",  # the check digit is another
        "620102202605010010",  # of a case number: the area, the day, and by chance the check digit
        "87654321",  # any number
        "0102030405",
        "010102003001001",
        "330109001002",
        "2026-05-01 08:00:00",
        "20260501080000123",
        "1772323200000",
        "GB 13812-345",
        "新street",
        "42.3554,-71.0640",
        "101000295613",
    ],
)
def test_lets_pass(words: duckdb.DuckDBPyConnection, text: str | None) -> None:
    assert kinds(words, text) == []


@given(
    st.integers(110000, 659999),
    st.dates(min_value=date(1920, 1, 1), max_value=date(2026, 1, 1)),
    st.integers(0, 999),
)
def test_only_one_of_the_eleven_check_digits_is_right(
    words: duckdb.DuckDBPyConnection, area: int, born: date, serial: int
) -> None:
    digits = f"{area}{born:%Y%m%d}{serial:03d}"
    right = with_check_digit(digits)
    for last in "0123456789X":
        assert kinds(words, digits + last) == ([IDENTITY] if digits + last == right else [])


@st.composite
def planted(draw: st.DrawFn) -> str:
    """A piece of personal data with some of its signs written wide."""
    personal = draw(st.sampled_from(PLANTED))
    wide = draw(st.sets(st.integers(0, len(personal) - 1)))
    return "".join(sign.translate(WIDE) if at in wide else sign for at, sign in enumerate(personal))


@given(
    st.text(max_size=60),
    planted(),
    st.text(max_size=60),
)
def test_what_the_quick_look_lets_by_holds_nothing(
    words: duckdb.DuckDBPyConnection, before: str, personal: str, after: str
) -> None:
    """The look must never hide what the search would find."""
    text = (before + personal + after).replace("\x00", "")
    sql = "SELECT may_be_personal($text) OR len(personal_data_in($text)) = 0"
    assert words.execute(sql, {"text": text}).fetchall() == [(True,)]


@given(st.text(max_size=40), planted(), st.text(max_size=40), st.booleans())
def test_what_the_look_over_bytes_lets_by_is_not_masked(
    before: str, personal: str, after: str, is_escaped: bool
) -> None:
    said = (before + personal + after).encode(errors="replace").decode()
    payload = json.dumps({"data": {"description": said}}, ensure_ascii=is_escaped).encode()
    assert screen(pa.array([payload]))[0].as_py() or mask_payload(payload) == payload


@given(st.text(max_size=40), st.sampled_from(PLANTED), st.text(max_size=40))
def test_masking_twice_is_masking_once_and_both_say_the_same(before: str, personal: str, after: str) -> None:
    masked = mask(before + personal + after)
    assert mask(masked) == masked
    assert may_say_the_same(masked, before + personal + after)
    assert not may_say_the_same(masked, masked + "!")


@pytest.mark.parametrize("personal", PLANTED)
def test_all_of_it_is_masked_and_nothing_else(personal: str) -> None:
    masked = mask(f"见 {personal}。")
    assert masked.startswith("见 ")
    assert masked.endswith("。")
    assert any(mark in masked for mark in MARKS)
    assert not set(masked) & set("123456789abc")


EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "13812345678",
    "source": "/who@example.cn",
    "subject": "330109202605010013",
    "sequence": 13812345678,
    "data": {
        "grid_code": "057187654321",
        "tags": ["13812345678"],
        "quantity": 13812345678,
        "reporter_hash": "6222021234567894",
    },
}


@pytest.mark.parametrize("is_escaped", [False, True])
def test_names_of_things_and_numbers_of_the_contract_survive(is_escaped: bool) -> None:
    payload = json.dumps(EVENT, ensure_ascii=is_escaped).encode()
    assert mask_payload(payload) == payload


@pytest.mark.parametrize("is_escaped", [False, True])
@pytest.mark.parametrize(
    "personal", ["13812345678", 13812345678, "手机13812345678", ["浙A12345"], {"id": "a@b.cn"}]
)
def test_what_the_contract_does_not_know_is_masked(personal: Any, is_escaped: bool) -> None:
    event = EVENT | {"extension": personal, "data": EVENT["data"] | {"contact": personal, "13812345678": 1}}
    masked = json.loads(mask_payload(json.dumps(event, ensure_ascii=is_escaped).encode()))
    assert {name: masked[name] for name in ("id", "source", "subject", "sequence")} == {
        name: EVENT[name] for name in ("id", "source", "subject", "sequence")
    }
    assert not find(json.dumps([masked["extension"], masked["data"]["contact"]], ensure_ascii=False))
    assert "〔手机号〕" in masked["data"]


NAMED = {"specversion": "1.0", "id": "13812345678", "source": "/a", "type": "gridrates.case.filed.v1"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([*PLANTED, "plain", "138-1010-0029 5613"]),
    st.sampled_from([*PLANTED, "plain"]),
    st.permutations(["specversion", "id", "source", "type", "subject", "extension", "data"]),
    st.booleans(),
)
def test_many_payloads_are_masked_as_each_is(
    monkeypatch: pytest.MonkeyPatch, name: str, said: str, order: list[str], is_escaped: bool
) -> None:
    """Also where all that looks personal is a name at the start, or stands right behind the names."""
    event = NAMED | {"subject": name, "extension": said, "data": {"subject": said, "13812345678": 1}}
    sparse = {key: event[key] for key in order[:5] if key != "data"} | {"data": {}}
    payloads = [
        json.dumps({key: made[key] for key in order if key in made}, ensure_ascii=is_escaped, separators=form)
        for made in (event, sparse)
        for form in ((",", ":"), (", ", ": "))
    ]
    monkeypatch.setattr("contracts.personal_data._QUICKLY_MASKED", 1)
    assert_masked_as_each_is([payload.encode() for payload in payloads])


def assert_masked_as_each_is(values: list[bytes]) -> None:
    counts, each = Counter[str](), Counter[str]()
    expected = {place: mask_payload(value, each) for place, value in enumerate(values)}
    assert mask_payloads(values, counts) == {
        place: masked for place, masked in expected.items() if masked != values[place]
    }
    assert counts == each


NAMES = ["13812345678", "330109202605010013", "6222021234567894", "C-1", "a]b", "{", ""]
SAID = [
    *PLANTED,
    "plain",
    'he said "13812345678"',
    r"\"id\":\"13812345678\"",
    "x\n13812345678",
    "，13812345678",
]


@st.composite
def usual_events(draw: st.DrawFn) -> bytes:
    """An event of the contract's fields whose names look personal, and often something spoilt in it."""
    values = {
        "code": st.sampled_from(NAMES),
        "codes": st.lists(st.sampled_from(NAMES), max_size=3),
        "hash": st.sampled_from(["6222021234567894", "0a" * 8]),
        "text": st.sampled_from(SAID),
        "moment": st.sampled_from(["2026-05-01T08:00:00.123456789+08:00", "13812345678"]),
        "flag": st.sampled_from([True, "13812345678"]),
        "integer": st.sampled_from([7, 13812345678]),
        "number": st.sampled_from([120.13812345678, 13812345678, -0.5]),
        "word": st.sampled_from(["passed", "13812345678"]),
    }
    fields = draw(st.lists(st.sampled_from(list(COLUMNS)), unique=True, max_size=6))
    event = NAMED | {name: draw(values[rule.kind.name]) for name, rule in ENVELOPE.items() if name != "type"}
    event["data"] = {name: draw(st.none() | values[COLUMNS[name].kind.name]) for name in fields}
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), ("\n,", " :\t")]))
    written = json.dumps(event, ensure_ascii=draw(st.booleans()), separators=separators)
    spoil = draw(
        st.sampled_from(["", "", "", "}", "{", ",", ":", '"', "]", "[", "1", "\n", "\f", "\\", '"id":'])
    )
    at, left_out = draw(st.integers(0, len(written))), draw(st.integers(0, 1))
    return (written[:at] + spoil + written[at + left_out :]).encode()


@settings(max_examples=300, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(usual_events(), min_size=1, max_size=20))
def test_usual_events_are_masked_as_each_is(monkeypatch: pytest.MonkeyPatch, values: list[bytes]) -> None:
    """Their names are left out without parsing; what is spoilt has no names, and no name hides a text."""
    monkeypatch.setattr("contracts.personal_data._QUICKLY_MASKED", 1)
    assert_masked_as_each_is(values)


@pytest.mark.parametrize("extension", [{}, {"extension": "x"}], ids=["usual", "with an attribute of its own"])
def test_names_that_look_personal_are_no_reason_to_look_closer(
    monkeypatch: pytest.MonkeyPatch, extension: dict[str, str]
) -> None:
    monkeypatch.setattr("contracts.personal_data._QUICKLY_MASKED", 1)
    looked_at: list[bytes] = []

    def noting(payload: bytes, counts: Counter[str]) -> bytes:
        looked_at.append(payload)
        return mask_payload(payload, counts)

    monkeypatch.setattr("contracts.personal_data.mask_payload", noting)
    event = NAMED | {"subject": "330109202605010013", "time": "2026-05-01T00:00:00Z"} | extension
    values = [
        json.dumps(event | {"data": {"reason": reason}}, separators=(",", ":")).encode()
        for reason in ("x", "call 13812345678")
    ]
    assert list(mask_payloads(values, Counter())) == [1]
    assert looked_at == [values[1]]


def test_all_but_the_texts_stays_as_it_was_written() -> None:
    payload = '{"data": {"n": 1.50, "n":1e400 ,"reason":"打13812345678" ,"x":[1,NaN]}}'
    assert mask_payload(payload.encode()).decode() == payload.replace("13812345678", "〔手机号〕")


@pytest.mark.parametrize(
    "payload", [b"tel 13812345678", b'{"a":"13812345678', "张三 13812345678".encode("gb18030")]
)
def test_what_is_no_json_is_masked_as_a_whole(payload: bytes) -> None:
    assert b"13812345678" not in mask_payload(payload)
    assert len(mask_payload(payload)) == len(payload) - 11 + len("〔手机号〕".encode())


def test_a_deeply_nested_event_is_masked() -> None:
    payload = b'{"data":{"x":' + b"[" * 50_000 + b'"13812345678"' + b"]" * 50_000 + b"}}"
    assert b"13812345678" not in mask_payload(payload)
