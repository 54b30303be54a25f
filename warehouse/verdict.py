"""The exact judgement on one payload: the row it becomes, or why it is refused.

Knows the contract's models and nothing of the database. `warehouse.parse` asks here for every payload that
its SQL was not sure of; what is said here holds, and the SQL may only be more cautious.

JSON is what DuckDB reads as JSON, because that is what reads the payload ever after: RFC 8259, and beside
it trailing commas, NaN and infinities. Of a key that is given twice, the first counts.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from contracts.events import Event, first_wins
from contracts.landing_rules import COLUMNS, ENVELOPE

Reason = Literal[
    "tombstone",
    "too_large",
    "not_utf8",
    "not_json",
    "not_object",
    "missing_attribute",
    "empty_attribute",
    "unknown_type",
    "bad_time",
    "schema_violation",
    "id_conflict",
]
REASONS: tuple[Reason, ...] = get_args(Reason)

_TEXT_LIMIT = 1000
_INTEGER_DIGITS = 1000
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?[A-Za-z]+')
_LOOSE_WORDS = {"nan": "NaN", "inf": "Infinity", "infinity": "Infinity"}


@dataclass(frozen=True)
class Accepted:
    """A good event: values of the columns of `raw_event` that the contract names."""

    row: dict[str, Any]


@dataclass(frozen=True)
class Refused:
    """A refused record: why, as a code and in words, and who it says it is, if it can be read."""

    code: Reason
    text: str
    source: str | None = None
    event_id: str | None = None


def judge(payload: bytes | None, minified: str | None, *, longest: int) -> Accepted | Refused:
    """Judge a payload of at most `longest` bytes.

    `minified` is the payload as DuckDB's `json()` writes it, None where DuckDB reads no JSON.
    """
    if payload is None:
        return Refused("tombstone", "The record has no value; an event cannot be deleted by its key.")
    if len(payload) > longest:
        return Refused("too_large", f"The payload has {len(payload):,} bytes; {longest:,} are allowed.")
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        return Refused("not_utf8", f"Byte {error.start} is not UTF-8 ({error.reason}).")
    if minified is None:
        return Refused("not_json", _why_not_json(text))
    try:
        event = decode(minified)
    except RecursionError:
        return Refused("not_json", "The JSON is nested too deeply to be read.")
    except json.JSONDecodeError as error:  # whatever else DuckDB may take for JSON must not stop a landing
        return Refused("not_json", f"{error.msg}: column {error.colno} of the JSON without blanks.")
    return _judge_event(event)


def decode(minified: str) -> Any:
    """Python's values of JSON that DuckDB has minified. Raises RecursionError when nested too deeply."""
    try:
        return _loads(minified)
    except json.JSONDecodeError:
        return _loads(_TOKEN.sub(_strict_word, minified))


def _loads(text: str) -> Any:
    return json.loads(text, object_pairs_hook=first_wins, parse_int=_integer)


def _integer(digits: str) -> int | float:
    # Python refuses to read endless digits; no field takes a number that long.
    return int(digits) if len(digits) <= _INTEGER_DIGITS else math.inf


def _strict_word(match: re.Match[str]) -> str:
    token = match[0]
    bare = token.removeprefix("-")
    word = _LOOSE_WORDS.get(bare.lower(), bare)
    return word if word == "NaN" else token.removesuffix(bare) + word


def _why_not_json(text: str) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"{error.msg}: line {error.lineno}, column {error.colno}."
    except (RecursionError, ValueError):
        pass
    return "The text is not JSON that can be stored, such as an escape of half a character."


def _judge_event(event: Any) -> Accepted | Refused:
    if not isinstance(event, dict):
        return Refused("not_object", f"The payload is {_kind_of(event)}, not a JSON object.")
    try:
        envelope = Event.model_validate(event)
    except ValidationError as error:
        return _refused(event, error.errors(include_url=False), "")
    try:
        data = envelope.payload()
    except ValidationError as error:
        return _refused(event, error.errors(include_url=False), "data.")
    row = {rule.column: getattr(envelope, name) for name, rule in ENVELOPE.items()}
    given = data.model_fields_set & data.__class__.model_fields.keys()
    return Accepted(row | {name: getattr(data, name) if name in given else None for name in COLUMNS})


def _refused(event: dict[str, Any], errors: list[ErrorDetails], prefix: str) -> Refused:
    codes = [_code_of(error, prefix) for error in errors]
    text = "; ".join(_words_of(error, prefix) for error in errors)
    code = min(codes, key=REASONS.index)
    return Refused(code, _cut(f"{text}."), _name(event.get("source")), _name(event.get("id")))


def _code_of(error: ErrorDetails, prefix: str) -> Reason:
    if prefix:
        return "schema_violation"
    field, value = error["loc"][0], error["input"]
    if error["type"] == "missing" or value is None:
        return "missing_attribute"
    if isinstance(value, str) and not value.strip():
        return "empty_attribute"
    by_field: dict[int | str, Reason] = {"type": "unknown_type", "time": "bad_time"}
    return by_field.get(field, "schema_violation")


def _words_of(error: ErrorDetails, prefix: str) -> str:
    where = prefix + ".".join(map(str, error["loc"]))
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        return f"{where}: {message}"
    return f"{where}: {message} (given: {_cut(json.dumps(error['input'], ensure_ascii=False), 100)})"


def _name(value: Any) -> str | None:
    """Who the record says it is, for the reject's row."""
    return _cut(str(value), 200) if isinstance(value, str | int) else None


def _cut(text: str, limit: int = _TEXT_LIMIT) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _kind_of(value: Any) -> str:
    names = {list: "an array", str: "a text", bool: "a truth value", int: "a number", float: "a number"}
    return names.get(cast(type, type(value)), "null")
