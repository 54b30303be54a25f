"""Payloads that nobody should send as an event, and somebody will: for every way in."""

from __future__ import annotations

import json

from tests.landing import event, payload

DEEP = 50_000
HORRORS: list[bytes] = [
    b"",
    b"\x00",
    b"null",
    b"[]",
    b"{}",
    b'"text"',
    b"\xef\xbb\xbf" + payload(),
    payload().decode().encode("utf-16"),
    payload(data={"description": "井盖"}).decode().encode("gb18030"),
    b"[" * DEEP,
    b"[" * DEEP + b"]" * DEEP,
    b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    payload(data={"x": "y" * 10_000}),
    payload(data={"description": "\u0000"}),
    payload().replace(b"C-1", rb"\ud800"),
    payload(time="0001-01-01T00:00:00Z"),
    payload(time="9999-12-31T23:59:59Z"),
    payload(time="2026-02-30T08:00:00Z"),
    payload(data={"longitude": float("nan")}),
    payload(data={"longitude": float("inf")}),
    payload(data={"longitude": 10**400}),
    payload(data={"x": 0}).replace(b'"x": 0', b'"x": 1e999'),
    payload()[:-1] + b', "id": "other"}',
    payload(id=""),
    payload(id=None),
    payload(type="gridrates.case.unknown.v1"),
    payload(sequence=-(2**70)),
    payload(source="\u202e/\u200b"),
    b" " * 100_000 + payload(),
    b"\xff" * 100,
    b'{"id": "x", ' * 1_000,
    payload(data={"tags": ["t"] * 5_000}),
    json.dumps(event(data={"x": ["\U0001f600" * 500]})).encode(),
]
TEN_MEGABYTES = payload(data={"description": "井" * (10 * 1024 * 1024 // 3)})
