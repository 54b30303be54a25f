"""Requests that nobody should send: each is answered, none with a 500, and what is accepted is on the topic.

The gateway serves in a thread of this process, with a real broker behind it; requests go over raw sockets,
so that nothing on this side puts them right.
"""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from contracts.events import first_wins
from gridrates.settings import Settings
from producers.gateway.app import make_app
from producers.gateway.clients import Client, Clients, digest_of
from producers.gateway.courier import Courier
from producers.gateway.messages import BATCH, BINARY, STRUCTURED
from producers.gateway.server import make_server
from tests.horrors import HORRORS, TEN_MEGABYTES
from tests.integration.producers.topics import pairs_of, records
from tests.integration.warehouse.topics import query, run
from tests.landing import event, payload
from tests.unit.contracts.strategies import good_events

SECONDS = 20
TOKEN = b"authorization: Bearer token"
NOT_HTTP = (400, b"Invalid HTTP request received.")
Headers = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    media: str
    body: bytes

    def is_clear(self) -> bool:
        """Whether it is one that a sender can do something with. What is no HTTP does not get so far."""
        if self.status == 202:
            return self.media == "application/json"
        if (self.status, self.body) == NOT_HTTP:
            return True
        problem = json.loads(self.body)
        is_told = problem["status"] == self.status and problem["title"] and problem["detail"]
        return self.status < 500 and self.media == "application/problem+json" and bool(is_told)


@dataclass
class Wire:
    """The gateway's address; `accepted` counts the ids of what it answered with 202."""

    address: tuple[str, int]
    settings: Settings
    accepted: Counter[str] = field(default_factory=Counter)

    def send(self, raw: bytes, *, ends: bool = False) -> Answer | None:
        """What is answered to these bytes; None when the connection is ended. `ends`: nothing will follow."""
        with socket.create_connection(self.address, timeout=SECONDS) as connection:
            sender = threading.Thread(target=_send_all, args=(connection, raw, ends))
            sender.start()
            try:
                response = HTTPResponse(connection)
                response.begin()
                return Answer(response.status, response.headers["content-type"], response.read())
            except (HTTPException, ConnectionError):
                return None
            finally:
                sender.join(SECONDS)

    def post(self, headers: Headers, body: bytes) -> Answer:
        """What is answered to events; those accepted are counted."""
        lines = [b"POST /events HTTP/1.1", b"host: x", TOKEN, b"content-length: %d" % len(body)]
        lines += [name.encode() + b": " + value for name, value in headers]
        answer = self.send(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        assert answer is not None and answer.is_clear(), answer
        if answer.status == 202:
            self.accepted.update(_ids(headers, body))
        return answer

    def on_the_topic(self) -> Counter[str]:
        """The ids of what is there."""
        found = pairs_of(records(self.settings, self.settings.topic))
        return Counter(_id(_json(value)) for _, value in found)


def _send_all(connection: socket.socket, raw: bytes, ends: bool) -> None:
    """In a thread of its own: the gateway may answer before it has read everything."""
    try:
        connection.sendall(raw)
        if ends:
            connection.shutdown(socket.SHUT_WR)
    except OSError:
        return


def _json(text: bytes) -> Any:
    return json.loads(text, object_pairs_hook=first_wins)


def _id(made: dict[str, Any]) -> str:
    return str(made["id"])


def _ids(headers: Headers, body: bytes) -> list[str]:
    """The ids of a request that was accepted, read by other means than the gateway's."""
    given = dict(headers)
    media = given.get("content-type", b"").split(b";")[0].strip().lower().decode()
    if media == BATCH:
        return [_id(made) for made in _json(body)]
    return [_id(_json(body))] if media == STRUCTURED else [unquote(given["ce-id"].decode())]


@pytest.fixture
def wire(kafka_settings: Settings) -> Iterator[Wire]:
    with serving(kafka_settings) as address:
        yield Wire(address, kafka_settings)


@contextmanager
def serving(settings: Settings) -> Iterator[tuple[str, int]]:
    """The gateway, for one client that may send everything; the address it serves on."""
    client = Client(name="all", token_sha256=digest_of("token"), sources=["*"], events_per_second=1e9)
    courier = Courier(settings)
    courier.start()
    server = make_server(make_app(courier, Clients([client])))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join(SECONDS)


# Of what is no HTTP the answer may be lost while a large body is on its way; large ones are sent apart.
SMALL = [horror for horror in HORRORS if len(horror) < 2_000]


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """A horror, a good event or noise; every other one with some bytes taken out and others put in."""
    encodings = st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "gb18030"])
    made = good_events().map(lambda one: json.dumps(one, ensure_ascii=draw(st.booleans())))
    text = draw(
        st.sampled_from(SMALL)
        | made.map(lambda written: written.encode(draw(encodings)))
        | st.binary(max_size=50)
    )
    if draw(st.booleans()):
        return text
    at, gone = draw(st.integers(0, min(len(text), 400))), draw(st.integers(0, 9))
    return text[:at] + draw(st.binary(max_size=9)) + text[at + gone :]


bodies = texts() | st.lists(texts(), max_size=4).map(lambda some: b"[" + b",".join(some) + b"]")
medias = st.sampled_from([STRUCTURED, BATCH, BINARY]) | st.sampled_from(
    [
        f"{STRUCTURED}; charset=UTF-8", f"{BATCH};charset=gb18030", "Application/CloudEvents+JSON", "",
        "text/plain", "application/json; charset", ";;;=", "a" * 2_000, "\u00ff", f"{STRUCTURED}, {BATCH}",
    ]
)  # fmt: skip
ATTRIBUTES = {f"ce-{name}": str(value).encode() for name, value in event().items() if name != "data"}
names = st.sampled_from(
    [*ATTRIBUTES, "ce-sequence", "ce-traceparent", "ce-data", "ce-", "ce-a_b", "ce-\u00e6"]
)
values = st.text(max_size=9).map(quote).map(str.encode) | st.sampled_from(
    [b"", b"%", b"%80", b"%ed%a0%80", b"%00", b"%0d%0ax: y", b"\xe6", "案".encode(), b"x" * 2_000]
)


@st.composite
def headers(draw: st.DrawFn) -> Headers:
    """Headers of a binary event, some of them otherwise; a content type among them, none or two."""
    found = list((ATTRIBUTES | draw(st.dictionaries(names, values, max_size=2))).items())
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 1, 2]))):
        found.insert(draw(st.integers(0, len(found))), ("content-type", draw(medias).encode("latin-1")))
    if draw(st.integers(0, 9)) == 0:
        found.append((draw(names), draw(values)))
    return found


@pytest.mark.parametrize("count", [60, pytest.param(6_000, marks=pytest.mark.full)])
def test_whatever_is_sent_is_answered_and_what_is_accepted_is_landed(wire: Wire, count: int) -> None:
    @examples(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(headers(), bodies)
    def send(given_headers: Headers, body: bytes) -> None:
        wire.post(given_headers, body)

    send()
    told = Counter(wire.post(of_mode, body).status for of_mode, body in horrors_in_every_mode())
    assert set(told) == {202, 413, 422}
    assert wire.on_the_topic() == wire.accepted
    summary = run(wire.settings)
    assert summary.read == wire.accepted.total()
    reasons = query(wire.settings, "SELECT DISTINCT reason_code FROM raw_rejected_event")
    assert reasons in ([], [("id_conflict",)]), "landing refuses what the gateway took"


def horrors_in_every_mode() -> Iterator[tuple[Headers, bytes]]:
    """Each horror as an event, in a batch after a good one, and as the data of an event."""
    for horror in (*HORRORS, TEN_MEGABYTES):
        yield [("content-type", STRUCTURED.encode())], horror
        yield [("content-type", BATCH.encode())], b"[" + payload(id="good") + b"," + horror + b"]"
        yield [*ATTRIBUTES.items()], horror


GOOD = payload(id="good-00")
HEAD = b"POST /events HTTP/1.1\r\nhost: x\r\ncontent-type: application/cloudevents+json\r\n"


def request(*lines: bytes, body: bytes = GOOD, head: bytes = HEAD + TOKEN + b"\r\n") -> bytes:
    """A request with further header lines; its length is among them unless they say how long it is."""
    has_length = any(line.lower().startswith((b"content-length", b"transfer-encoding")) for line in lines)
    length = [] if has_length else [b"content-length: %d" % len(body)]
    return head + b"".join(line + b"\r\n" for line in (*lines, *length)) + b"\r\n" + body


def chunked(size: bytes, *lines: bytes, ending: bytes = b"0\r\n\r\n") -> bytes:
    """A request in chunks, the first said to be so large."""
    return request(b"transfer-encoding: chunked", *lines, body=size + b"\r\n" + GOOD + b"\r\n" + ending)


OF_GOOD = b"%x" % len(GOOD)
LENGTH = b"content-length: %d" % len(GOOD)


# What is sent, and the status of the answer; None where the connection ends without one.
TRICKS: dict[str, tuple[bytes, set[int | None]]] = {
    "nothing wrong": (request(), {202}),
    "chunks": (chunked(OF_GOOD), {202}),
    "a chunk of no size": (chunked(b"zz"), {400}),
    "a chunk of any size": (chunked(b"ffffffffffffffffff"), {None}),
    "a chunk that is too long": (chunked(b"5"), {400}),
    "chunks without an end": (chunked(OF_GOOD, ending=b""), {None}),
    "too short a length": (request(b"content-length: 5"), {400, 422}),
    "too long a length": (request(b"content-length: 5000"), {None}),
    "a length below nothing": (request(b"content-length: -1"), {400}),
    "a length without bounds": (request(b"content-length: 9" + b"9" * 30), {400}),
    "two lengths": (request(LENGTH, b"content-length: 0"), {400}),
    "a length and chunks": (chunked(OF_GOOD, LENGTH), {202}),
    "a length, and no chunks": (request(LENGTH, b"transfer-encoding: chunked"), {None}),
    "a transfer that is not known": (request(b"transfer-encoding: gzip"), {400}),
    "compressed": (request(b"content-encoding: gzip", body=gzip.compress(GOOD)), {415}),
    "two content types": (request(b"content-type: text/plain"), {415}),
    "a NUL in a header": (request(b"x: a\x00b"), {400}),
    "a bare carriage return": (request(b"x: a\rb: c"), {400}),
    "a blank in a name": (request(b"x : y"), {400}),
    "a line that is no header": (request(b"no colon"), {400}),
    "a long header": (request(b"x: " + b"y" * 50_000), {202}),
    "a header without an end": (request(b"x: " + b"y" * 1_000_000), {400, None}),
    "many headers": (request(*[b"x: y"] * 1_000), {202}),
    "no token": (request(head=HEAD), {401}),
    "a token of bytes": (request(b"authorization: Bearer \xff\xfe", head=HEAD), {401}),
    "an empty token": (request(b"authorization: Bearer", head=HEAD), {401}),
    "a question beforehand": (request(b"expect: 100-continue"), {202}),
    "an upgrade": (request(b"upgrade: h2c", b"connection: upgrade"), {202}),
    "an old version": (request().replace(b"HTTP/1.1", b"HTTP/1.0"), {202}),
    "a new version": (request().replace(b"HTTP/1.1", b"HTTP/9.9"), {202, 400}),
    "a slash more": (request().replace(b"/events", b"/events/"), {404}),
    "a query": (request().replace(b"/events", b"/events?x=%00"), {202}),
    "a NUL in the path": (request().replace(b"/events", b"/%00"), {404}),
    "another method": (request().replace(b"POST", b"DELETE"), {405}),
    "no method": (request().replace(b"POST", b"NONSENSE"), {405}),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 404}),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00", {400}),
    "NULs": (b"\x00" * 1_000, {400}),
    "nothing": (b"", {None}),
    "half of the headers": (HEAD, {None}),
}


def test_tricks_with_headers_and_lengths(wire: Wire) -> None:
    taken = set()
    for number, (name, (raw, statuses)) in enumerate(TRICKS.items()):
        own = b"good-%02d" % number
        started = time.monotonic()
        answer = wire.send(raw.replace(b"good-00", own), ends=None in statuses)
        assert time.monotonic() - started < SECONDS / 2, name
        assert answer is None or answer.is_clear(), (name, answer)
        assert (answer and answer.status) in statuses, (name, answer)
        taken |= {own.decode()} if answer and answer.status == 202 else set()
    assert wire.send(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").status == 200
    assert wire.on_the_topic() == Counter(taken)
