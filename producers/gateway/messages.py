"""Reads the events of an HTTP request, in any mode of the CloudEvents HTTP binding.

Binary (attributes in `ce-` headers, data in the body), structured (`application/cloudevents+json`) and
batch (`application/cloudevents-batch+json`). Pure; every event that comes out keeps to the contract.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from contracts.events import Envelope, Fault, InvalidEvent, check, decode, decode_array

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
BINARY = "application/json"
_PREFIX = "ce-"
_ATTRIBUTE = re.compile("[a-z0-9]+")


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
    if any(name == "content-encoding" and value.lower() != "identity" for name, value in headers):
        raise UnsupportedMedia("Send the body as it is, without content-encoding.")
    media = _media_type(headers)
    if media == STRUCTURED:
        return [_placed(0, lambda: _structured(body))]
    if media == BATCH:
        return _batch(body)
    if any(name.startswith(_PREFIX) for name, _ in headers) and media in (BINARY, ""):
        return [_placed(0, lambda: _binary(headers, body))]
    raise UnsupportedMedia(
        f"Send {STRUCTURED}, {BATCH}, or {BINARY} with the attributes in {_PREFIX} headers; UTF-8."
    )


def _media_type(headers: Sequence[tuple[str, str]]) -> str:
    """The content type without parameters; one given twice or in another charset than UTF-8 is unknown."""
    given = [value for name, value in headers if name == "content-type"]
    media, *parameters = (given or [""])[0].lower().split(";")
    charsets = [p.split("=", 1)[1].strip(' "') for p in parameters if p.strip().startswith("charset=")]
    is_clear = len(given) < 2 and all(charset == "utf-8" for charset in charsets)
    return media.strip() if is_clear else "unknown"


def _placed(place: int, make: Callable[[], Received]) -> Received:
    try:
        return make()
    except InvalidEvent as error:
        raise InvalidRequest([PlacedFault(place, fault) for fault in error.faults]) from error


def _structured(body: bytes) -> Received:
    text = body.strip()
    return Received(check(decode(text)), text)


def _batch(body: bytes) -> list[Received]:
    """The events of an array, each as it stands there: written anew, 1e999 would be no JSON."""
    try:
        elements = decode_array(body)
    except InvalidEvent as error:
        raise InvalidRequest([PlacedFault(0, fault) for fault in error.faults]) from error
    received, faults = list[Received](), list[PlacedFault]()
    for place, (event, text) in enumerate(elements):
        try:
            received.append(Received(check(event), text.encode()))
        except InvalidEvent as error:
            faults += [PlacedFault(place, fault) for fault in error.faults]
    if faults:
        raise InvalidRequest(faults)
    return received


def _binary(headers: Sequence[tuple[str, str]], body: bytes) -> Received:
    given = [(name.removeprefix(_PREFIX), value) for name, value in headers if name.startswith(_PREFIX)]
    names = [name for name, _ in given]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or "data" in names:
        raise InvalidEvent([Fault(name, "may be given once only") for name in twice or ["data"]])
    attributes = {name: _unquoted(name, value) for name, value in given} | {"datacontenttype": BINARY}
    checked = check(attributes | {"data": decode(body)})
    written = json.dumps(attributes, ensure_ascii=False, separators=(",", ":"))
    return Received(checked, written[:-1].encode() + b',"data":' + body.strip() + b"}")


def _unquoted(name: str, value: str) -> str:
    """The value of an attribute from its header. Raises InvalidEvent."""
    if not _ATTRIBUTE.fullmatch(name):
        raise InvalidEvent([Fault(name, "the name of an attribute is made of letters and digits")])
    try:
        value.encode("ascii")
        return unquote(value, errors="strict")
    except UnicodeError as error:
        fault = Fault(name, "not UTF-8, percent-encoded where it is not ASCII")
        raise InvalidEvent([fault]) from error
