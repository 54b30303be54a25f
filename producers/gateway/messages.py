"""Reads the events of an HTTP request, in any mode of the CloudEvents HTTP binding.

Binary (attributes in `ce-` headers, data in the body), structured (`application/cloudevents+json`) and
batch (`application/cloudevents-batch+json`). Pure; every event that comes out keeps to the contract.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from contracts.events import Envelope, Fault, InvalidEvent, check, decode

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
BINARY = "application/json"
_PREFIX = "ce-"


@dataclass(frozen=True)
class Received:
    """One event of a request: what was checked, and the text to send."""

    event: Envelope
    text: bytes


@dataclass(frozen=True)
class PlacedFault:
    """What is wrong with one field of one event; `event` counts from 0 within the request."""

    event: int
    fault: Fault


class UnsupportedMedia(ValueError):
    """The content type is none of the modes'."""


class InvalidRequest(ValueError):
    """The request holds what is not an event, with every fault of every event."""

    def __init__(self, faults: Sequence[PlacedFault]) -> None:
        super().__init__("; ".join(f"event {placed.event}: {placed.fault}" for placed in faults))
        self.faults = tuple(faults)


def read(headers: Sequence[tuple[str, str]], body: bytes) -> list[Received]:
    """The events of a request; header names are in lower case.

    Raises UnsupportedMedia or InvalidRequest. A batch is taken as a whole or not at all.
    """
    media = _media_type(headers)
    if media == STRUCTURED:
        return [_placed(0, lambda: _structured(body))]
    if media == BATCH:
        return _batch(body)
    if any(name.startswith(_PREFIX) for name, _ in headers) and media in (BINARY, ""):
        return [_placed(0, lambda: _from_object(_binary(headers, body)))]
    raise UnsupportedMedia(
        f"Send {STRUCTURED}, {BATCH}, or {BINARY} with the attributes in {_PREFIX} headers; UTF-8."
    )


def _media_type(headers: Sequence[tuple[str, str]]) -> str:
    """The content type without parameters; a charset other than UTF-8 makes it unknown."""
    media, *parameters = dict(headers).get("content-type", "").lower().split(";")
    charsets = [p.split("=", 1)[1].strip(' "') for p in parameters if p.strip().startswith("charset=")]
    return media.strip() if all(charset == "utf-8" for charset in charsets) else "unknown charset"


def _placed(place: int, make: Callable[[], Received]) -> Received:
    try:
        return make()
    except InvalidEvent as error:
        raise InvalidRequest([PlacedFault(place, fault) for fault in error.faults]) from error


def _structured(body: bytes) -> Received:
    text = body.strip()
    return Received(check(decode(text)), text)


def _batch(body: bytes) -> list[Received]:
    try:
        events = decode(body)
    except InvalidEvent as error:
        raise InvalidRequest([PlacedFault(0, fault) for fault in error.faults]) from error
    if not isinstance(events, list):
        raise InvalidRequest([PlacedFault(0, Fault("", "not a JSON array of events"))])
    received, faults = list[Received](), list[PlacedFault]()
    for place, event in enumerate(events):
        try:
            received.append(_from_object(event))
        except InvalidEvent as error:
            faults += [PlacedFault(place, fault) for fault in error.faults]
    if faults:
        raise InvalidRequest(faults)
    return received


def _binary(headers: Sequence[tuple[str, str]], body: bytes) -> dict[str, Any]:
    names = [name.removeprefix(_PREFIX) for name, _ in headers if name.startswith(_PREFIX)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or "data" in names:
        raise InvalidEvent([Fault(name, "may be given once only") for name in twice or ["data"]])
    attributes = {
        name.removeprefix(_PREFIX): _unquoted(value) for name, value in headers if name.startswith(_PREFIX)
    }
    return attributes | {"datacontenttype": BINARY, "data": decode(body)}


def _unquoted(value: str) -> str:
    """A header's value: UTF-8, percent-encoded where it is not ASCII. Broken UTF-8 fails later, as a code."""
    return unquote(value, errors="surrogateescape")


def _from_object(event: Any) -> Received:
    checked = check(event)
    return Received(checked, json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode())
