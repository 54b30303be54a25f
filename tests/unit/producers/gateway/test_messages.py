"""Requests in every mode of the CloudEvents HTTP binding, as the SDK writes them and as nobody should."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.gateway.messages import (
    BATCH,
    BINARY,
    STRUCTURED,
    InvalidRequest,
    Received,
    UnsupportedMedia,
    read,
)
from tests.unit.contracts.strategies import good_events

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "1",
    "source": "centre",
    "type": "gridrates.case.filed.v1",
    "subject": "case-七 %1",
    "time": "2026-05-01T08:00:00+08:00",
    "data": {"description": "垃圾"},
}


def of_sdk(message: HTTPMessage) -> list[Received]:
    return read([(name.lower(), value) for name, value in message.headers.items()], message.body)


def sdk_event(**data: Any) -> CloudEvent:
    attributes = {name: value for name, value in EVENT.items() if name not in ("data", "time")}
    return CloudEvent(attributes | {"time": datetime(2026, 5, 1, tzinfo=UTC)}, data)


def faults(headers: list[tuple[str, str]], body: Any) -> list[tuple[int, str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        read(headers, body if isinstance(body, bytes) else json.dumps(body).encode())
    return [(placed.event, placed.fault.field, placed.fault.message) for placed in caught.value.faults]


def binary(**changes: str) -> list[tuple[str, str]]:
    attributes = {name: str(value) for name, value in EVENT.items() if name != "data"} | {"subject": "case-1"}
    return [
        ("content-type", BINARY),
        *((f"ce-{name}", value) for name, value in (attributes | changes).items()),
    ]


def test_structured_as_the_sdk_writes_it() -> None:
    (received,) = of_sdk(to_structured(sdk_event(description="垃圾"), JSONFormat()))
    assert received.event.subject == "case-七 %1"
    assert json.loads(received.text)["data"] == {"description": "垃圾"}


def test_binary_as_the_sdk_writes_it() -> None:
    (received,) = of_sdk(to_binary(sdk_event(description="垃圾"), JSONFormat()))
    assert received.event.subject == "case-七 %1", "percent-encoded in the header"
    assert received.event.time == datetime(2026, 5, 1, tzinfo=UTC)
    assert json.loads(received.text)["data"] == {"description": "垃圾"}


def test_structured_is_sent_as_it_stands() -> None:
    text = json.dumps(EVENT | {"data": {"x_local": [1.50, None]}}, indent=1).encode()
    (received,) = read([("content-type", STRUCTURED)], b"\n " + text + b"\r\n")
    assert received.text == text


@pytest.mark.parametrize(
    "media", [STRUCTURED, f"{STRUCTURED}; charset=UTF-8", "Application/CloudEvents+JSON"]
)
def test_content_types_may_have_parameters_and_case(media: str) -> None:
    assert len(read([("content-type", media)], json.dumps(EVENT).encode())) == 1


def test_a_batch() -> None:
    events = [EVENT | {"id": str(n)} for n in range(5)]
    received = read([("content-type", BATCH)], json.dumps(events).encode())
    assert [json.loads(one.text) for one in received] == events


def test_an_event_of_a_batch_is_sent_as_it_stands() -> None:
    texts = [json.dumps(EVENT, indent=1)] + [
        json.dumps(EVENT)[:-1] + more
        for more in (', "x": 1e999}', ', "x": 1.0000000000000000001}', ', "id": 2}')
    ]
    received = read([("content-type", BATCH)], f" [\n{' , '.join(texts)}\t] ".encode())
    assert [one.text.decode() for one in received] == texts
    assert {one.event.id for one in received} == {"1"}, "of equal keys the first counts"


def test_an_empty_batch_is_a_batch() -> None:
    assert read([("content-type", BATCH)], b"[]") == []


def test_a_batch_is_taken_as_a_whole_or_not_at_all() -> None:
    events: list[Any] = [EVENT, EVENT | {"id": ""}, 5, EVENT | {"data": {"latitude": 91, "is_valid": 3}}]
    assert [(place, field) for place, field, _ in faults([("content-type", BATCH)], events)] == [
        (1, "id"),
        (2, ""),
        (3, "data.latitude"),
        (3, "data.is_valid"),
    ]


@pytest.mark.parametrize("body", [b"{}", b"5", b"null", json.dumps(EVENT).encode()])
def test_a_batch_is_an_array(body: bytes) -> None:
    assert faults([("content-type", BATCH)], body) == [(0, "", "not a JSON array of events")]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("content-type", "application/json")],
        [("content-type", "text/plain"), ("ce-id", "1")],
        [("content-type", "application/xml")],
        [("content-type", f"{STRUCTURED}; charset=gb18030")],
        [("content-type", "application/cloudevents+xml")],
        [("content-type", "")],
        [("content-type", STRUCTURED), ("content-type", "text/plain")],
    ],
)
def test_other_content_types_are_refused(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(UnsupportedMedia, match=r"Send application/cloudevents\+json"):
        read(headers, json.dumps(EVENT).encode())


def test_a_compressed_body_is_refused_as_such() -> None:
    headers = [("content-type", STRUCTURED), ("content-encoding", "gzip")]
    with pytest.raises(UnsupportedMedia, match="without content-encoding"):
        read(headers, b"\x1f\x8b")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": ""}, "id"),
        ({"time": "yesterday"}, "time"),
        ({"specversion": "0.3"}, "specversion"),
        ({"type": "gridrates.case.lost.v1"}, "type"),
        ({"subject": "%80%81"}, "subject"),
        ({"subject": "a%00b"}, "subject"),
        ({"subject": "a%0A"}, "subject"),
        ({"source": "%22"}, "source"),
        ({"traceparent": "%ff"}, "traceparent"),
        ({"traceparent": "%ED%A0%80"}, "traceparent"),
        ({"subject": "æ¡\x88"}, "subject"),
        ({"a_b": "x"}, "a_b"),
        ({"": "x"}, ""),
        ({"data": "{}"}, "data"),
    ],
)
def test_binary_attributes_are_checked(changes: dict[str, str], field: str) -> None:
    assert [name for _, name, _ in faults(binary(**changes), b"{}")] == [field]


def test_a_header_given_twice_is_refused() -> None:
    assert faults([*binary(), ("ce-id", "2")], b"{}") == [(0, "id", "may be given once only")]


@pytest.mark.parametrize(
    "body", [b'{}, "id": "other"', b'{"a": 1}}', b"", b"{", b'{"a": NaN}', b"\xff", b"[]", b"5"]
)
def test_the_data_of_a_binary_event_cannot_reach_into_its_attributes(body: bytes) -> None:
    assert faults(binary(), body)


def test_the_data_of_a_binary_event_is_sent_as_it_stands() -> None:
    (received,) = read(binary(), b' {"x_local": 1e999, "x_local": [1.50] }\n')
    assert received.text.endswith(b',"data":{"x_local": 1e999, "x_local": [1.50] }}')
    assert json.loads(received.text)["id"] == "1"


def test_binary_without_content_type_is_json() -> None:
    (received,) = read([header for header in binary() if header[0] != "content-type"], b'{"unit_code": "u"}')
    assert json.loads(received.text)["data"] == {"unit_code": "u"}


def test_extensions_and_sequence_come_along() -> None:
    (received,) = read(binary(sequence="17", traceparent="00-1"), b"{}")
    assert received.event.sequence == 17
    assert json.loads(received.text)["traceparent"] == "00-1"


@settings(deadline=None)
@given(st.lists(good_events(), max_size=4))
def test_good_events_come_through_a_batch_unchanged(events: list[dict[str, Any]]) -> None:
    received = read([("content-type", BATCH)], json.dumps(events).encode())
    assert [json.loads(one.text) for one in received] == events


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from([STRUCTURED, BATCH, BINARY]),
    st.one_of(st.binary(max_size=60), st.one_of(st.text(), good_events().map(json.dumps)).map(str.encode)),
    st.integers(0, 80),
)
def test_anything_is_an_event_or_an_invalid_request(media: str, body: bytes, cut: int) -> None:
    try:
        received = read([("content-type", media), ("ce-id", "1")], body[cut:])
    except InvalidRequest as error:
        assert error.faults and all(str(placed.fault) for placed in error.faults)
    else:
        assert all(json.loads(one.text) for one in received)
