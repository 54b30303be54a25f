"""How events are written as JSON, as patterns of bytes that RE2 reads: where names of things stand in them.

Names (codes, keyed hashes, large numbers) are told from what people say without parsing, which is many times
slower. A pattern stands for the common ways of writing only; what it does not fit has to be parsed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from contracts.fields import TIME_PATTERN, Kind
from contracts.landing_rules import COLUMNS, ENVELOPE

Path = tuple[str, ...]

_ELEVEN_DIGITS = 10**10
_SPACE = r"[ \t\n\r]*"
_COLON, _COMMA = f"{_SPACE}:{_SPACE}", f"{_SPACE},{_SPACE}"
_SIGN, _ESCAPE = r'[^"\\\x00-\x1f]', r'\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})'
_TEXT, _PLAIN_TEXT = f'"(?:{_SIGN}|{_ESCAPE})*"', f'"{_SIGN}*"'
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_SMALL_NUMBER = r"-?(?:0|[1-9][0-9]{0,5})(?:\.[0-9]+)?"


def _names_of_things() -> Iterator[Path]:
    for name, rule in ENVELOPE.items():
        if rule.kind.name in ("code", "integer"):
            yield (name,)
    for name, column in COLUMNS.items():
        is_large = column.kind.name == "number" and (column.kind.most or 0) >= _ELEVEN_DIGITS
        if column.kind.name in ("code", "hash") or is_large:
            yield ("data", name)
        if column.kind.name == "codes":
            yield ("data", name, name)


# Where names of things stand, as the keys that lead to them. What stands in a list is under the list's key
# once more.
NAMES = frozenset(_names_of_things())


@cache
def named_start() -> str:
    """The start of an event that says its names first, each a plain text and without a space between."""
    names = "|".join(path[0] for path in NAMES if len(path) == 1 and ENVELOPE[path[0]].kind.name == "code")
    other = r'"specversion":"1\.0",|"type":"gridrates[a-z_.]+v1",'
    return rf'^\{{(?:{other}|"(?:{names})":"[^"\\]*",)+'


@cache
def named_value() -> str:
    """A name in a usual event with the key it stands under, or a list of names."""
    single = "|".join(path[-1] for path in NAMES if len(path) < 3)
    listed = "|".join(path[-1] for path in NAMES if len(path) == 3)
    return rf'"(?:{single})"{_COLON}(?:{_PLAIN_TEXT}|{_NUMBER})|"(?:{listed})"{_COLON}\[[^\[\]]*\]'


@cache
def usual_event() -> str:
    """An event that holds nothing but fields of the contract, each at its place and in its shape."""
    envelope = [rf'"specversion"{_COLON}"1\.0"', f'"type"{_COLON}"gridrates[a-z_.]+v1"']
    envelope += [_member((name,), rule.kind) for name, rule in ENVELOPE.items() if name != "type"]
    data = _listed("|".join(_member(("data", name), column.kind) for name, column in COLUMNS.items()))
    envelope.append(rf'"data"{_COLON}\{{{data}\}}')
    return rf"^\{{{_listed('|'.join(envelope))}\}}$"


def _listed(item: str) -> str:
    """Any number of items with commas between."""
    return f"{_SPACE}(?:(?:{item})(?:{_COMMA}(?:{item}))*)?{_SPACE}"


def _member(path: Path, kind: Kind) -> str:
    return f'"{path[-1]}"{_COLON}(?:{_shape(path, kind)}|null)'


def _shape(path: Path, kind: Kind) -> str:
    """The values of a kind that no personal data can be, those of names and of texts aside."""
    match kind.name:
        case "code" | "hash":
            return _PLAIN_TEXT
        case "codes":
            return rf"\[{_listed(_PLAIN_TEXT)}\]"
        case "text":
            return _TEXT
        case "moment":
            return f'"{TIME_PATTERN.removeprefix("^").removesuffix("$")}"'
        case "flag":
            return "true|false"
        case "word":
            return '"[a-z_]*"'
        case "integer" | "number":
            return _NUMBER if path in NAMES else _SMALL_NUMBER
