"""The contract as plain data, for who lands events with SQL.

Read from the pydantic models, so that a field, a bound or a word is said in one place only. Knows no
database: it gives the column of every field, its `Kind` (type, pattern, bounds), and for each event type
which fields it knows, which it must have and which words they may hold.

A field that a type does not know is free: it is kept in the payload, has no column there and no rule.
JSON `null` counts as absent. Beside the fields of `ENVELOPE`, `specversion` must be `SPECVERSION` and
`data` an object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType, NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import MinLen
from pydantic.fields import FieldInfo

from contracts.events import DATA_TYPES, Data, Event
from contracts.fields import Kind

WORD = Kind("word", "VARCHAR")
SPECVERSION = "1.0"


@dataclass(frozen=True)
class FieldRule:
    """One field of the envelope or of `data`.

    `column` is where it lands. `words` is empty unless the field is of a closed list. `default` is what
    an absent word means; the column is NULL all the same. `is_filled` says that the text may not be empty.
    """

    name: str
    column: str
    kind: Kind
    is_required: bool
    words: tuple[str, ...] = ()
    default: str | None = None
    is_filled: bool = False
    description: str = ""


@dataclass(frozen=True)
class TypeRule:
    """One event type and the fields of its `data`, by name, in the contract's order."""

    event_type: str
    zh: str
    fields: Mapping[str, FieldRule]

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the fields that must be there and not null."""
        return tuple(name for name, rule in self.fields.items() if rule.is_required)


@dataclass(frozen=True)
class Column:
    """A column of the raw layer that holds a field of `data`, whatever the event's type."""

    name: str
    kind: Kind


_ENVELOPE_COLUMNS = {
    "id": "event_id",
    "source": "source",
    "type": "event_type",
    "subject": "subject_id",
    "time": "occurred_at",
    "sequence": "sequence_no",
}


def _parts(annotation: Any, metadata: tuple[Any, ...]) -> Iterator[Any]:
    """The bare types, `Literal`s and metadata of an annotation, through `Annotated` and `| None`."""
    yield from metadata
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        yield from _parts(inner, tuple(more))
    elif get_origin(annotation) is Literal or not get_args(annotation):
        yield annotation
    else:
        for option in get_args(annotation):
            yield from _parts(option, ())


def _rule(name: str, column: str, info: FieldInfo) -> FieldRule:
    parts = list(_parts(info.annotation, tuple(info.metadata)))
    words = tuple(str(w) for p in parts if get_origin(p) is Literal for w in get_args(p))
    kinds = [p for p in parts if isinstance(p, Kind)]
    known = next((k for k in kinds if k.name == "codes"), kinds[0] if kinds else WORD)
    return FieldRule(
        name=name,
        column=column,
        kind=WORD if words else known,
        is_required=info.is_required() and NoneType not in parts,
        words=words,
        default=info.default if words and isinstance(info.default, str) else None,
        is_filled=any(isinstance(p, MinLen) and p.min_length > 0 for p in parts),
        description=info.description or "",
    )


def rules_of(model: type[Data]) -> Mapping[str, FieldRule]:
    """The rules of the fields of a type's `data`, or of a base of several."""
    return MappingProxyType({name: _rule(name, name, info) for name, info in model.model_fields.items()})


def _columns(rules: Mapping[str, TypeRule]) -> Mapping[str, Column]:
    found: dict[str, Column] = {}
    for rule in rules.values():
        for field in rule.fields.values():
            column = found.setdefault(field.column, Column(field.column, field.kind))
            if column.kind != field.kind:
                raise TypeError(f"{rule.event_type}: {field.name} is {field.kind}, elsewhere {column.kind}")
    return MappingProxyType(found)


def _envelope() -> Mapping[str, FieldRule]:
    rules = {n: _rule(n, column, Event.model_fields[n]) for n, column in _ENVELOPE_COLUMNS.items()}
    rules["type"] = replace(rules["type"], words=tuple(DATA_TYPES))
    return MappingProxyType(rules)


ENVELOPE: Mapping[str, FieldRule] = _envelope()
TYPES: Mapping[str, TypeRule] = MappingProxyType(
    {name: TypeRule(name, model.zh, rules_of(model)) for name, model in DATA_TYPES.items()}
)
COLUMNS: Mapping[str, Column] = _columns(TYPES)
