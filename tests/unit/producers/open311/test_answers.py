"""What servers answer, as the specification's examples and as the wild has it, becomes the same records."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.open311.answers import Unreadable, complaints, decode, flat, objects
from tests.open311 import request, xml

ONE = request(1)
FLAT = {name: "" if value is None else str(value) for name, value in ONE.items()}


def records(body: bytes) -> list[dict[str, str]]:
    return [flat(found) for found in objects(decode(body))]


@pytest.mark.parametrize(
    "wrapped",
    [
        [ONE],
        ONE,
        {"service_requests": [ONE]},
        {"service_requests": {"request": ONE}},
        {"service_requests": {"request": [ONE]}},
        {"requests": [{"request": ONE}]},
        [[ONE]],
    ],
)
def test_however_it_is_wrapped_in_json(wrapped: Any) -> None:
    assert records(json.dumps(wrapped).encode()) == [FLAT]


PLAIN = xml("service_requests", "request", [ONE])


@pytest.mark.parametrize(
    "body",
    [
        PLAIN,
        PLAIN.partition(b"?>")[2],
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.decode().replace("utf-8", "utf-16").encode("utf-16"),
        PLAIN.replace(
            b"<service_requests>", b'<service_requests xmlns="http://wiki.open311.org/GeoReport_v2">'
        ),
    ],
)
def test_the_same_in_xml(body: bytes) -> None:
    assert records(body) == [FLAT]


def test_numbers_stay_what_they_are_also_those_json_does_not_know() -> None:
    (record,) = records(
        b'[{"service_request_id":638344,"service_code":006,"lat":37.70,"note":"007, \\" 08"}]'
    )
    assert record == {
        "service_request_id": "638344", "service_code": "006", "lat": "37.70", "note": '007, " 08',
    }  # fmt: skip


@pytest.mark.parametrize("body", [b"[]", b"{}", b"<service_requests/>", b'{"service_requests": []}', b"null"])
def test_nothing_found_is_nothing(body: bytes) -> None:
    assert records(body) == []


def test_extensions_are_columns() -> None:
    found = request(
        1,
        extended_attributes={"channel": "android", "photos": [{"width": 1}], "deep": {"x": 1.5}},
        attributes=[{"code": "A", "name": "a", "value": ["x", "y"]}, {"name": "b", "value": True}],
        notes=[
            {"type": "closed", "datetime": "2026-05-06", "description": "done"},
            {"type": "closed", "datetime": "2026-05-05", "description": "not yet"},
            {"datetime": "2026-05-04", "summary": "odd"},
        ],
    )
    expected = {
        "extended_attributes.channel": "android",
        "extended_attributes.deep.x": "1.5",
        "attributes.A": "x, y",
        "attributes.b": "true",
        "notes.closed.datetime": "2026-05-06",
        "notes.closed.description": "done",
        "notes.other.summary": "odd",
    }
    (record,) = records(json.dumps([found]).encode())
    assert expected.items() <= record.items()
    inner = found | {"attributes": [{"code": "A", "value": "x, y"}, {"name": "b", "value": True}]}
    (record,) = records(xml("service_requests", "request", [inner]))
    assert expected.items() <= record.items()


@pytest.mark.parametrize(
    "body",
    [
        b'[{"code":400,"description":"jurisdiction_id was not provided"}]',
        b'{"errors":[{"code":400,"description":"jurisdiction_id was not provided"}]}',
        b'{"code":400,"description":"jurisdiction_id was not provided"}',
        xml("errors", "error", [{"code": 400, "description": "jurisdiction_id was not provided"}]),
    ],
)
def test_complaints_are_known(body: bytes) -> None:
    assert complaints(decode(body)) == ["400: jurisdiction_id was not provided"]


@pytest.mark.parametrize("body", [json.dumps([ONE]).encode(), b"[]", b"<service_requests/>", b"{}"])
def test_and_nothing_else_is_one(body: bytes) -> None:
    assert complaints(decode(body)) == []


BOMB = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">%s]><r>&j;</r>' % b"".join(
    b'<!ENTITY %c "%s">' % (c, b"&%c;" % (c - 1) * 10) for c in range(ord("b"), ord("k"))
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Log in<br></body></html>",
        b"{",
        b"not json",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"<a>" * 100 + b"x" + b"</a>" * 100,
        BOMB,
        BOMB.decode().replace("?>", ' encoding="utf-16"?>').encode("utf-16"),
        b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r>&a;</r>',
        b"<r>&a;</r>",
        b'<?xml version="1.0" encoding="klingon"?><r/>',
    ],
)
def test_what_cannot_be_read_is_an_error_and_no_crash(body: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(body)


NAMES = st.sampled_from(["request", "service_requests", "notes", "attributes", "type", "value", "code", "x"])
SCALARS = st.none() | st.booleans() | st.floats() | st.text()


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner)))
def test_any_json_gives_records_of_text(content: Any) -> None:
    for record in records(json.dumps(content).encode()):
        assert all(isinstance(part, str) for pair in record.items() for part in pair)
    complaints(content)


@given(st.binary(max_size=200) | st.sampled_from([BOMB, PLAIN, json.dumps([ONE]).encode()]), st.data())
def test_any_bytes_are_read_or_refused(body: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(body)))
    with suppress(Unreadable):
        objects(decode(body[:at] + data.draw(st.binary(max_size=3)) + body[at:]))
