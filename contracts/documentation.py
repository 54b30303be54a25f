"""The page `docs/contract.md`, made from the contract. Pure: from models and examples to text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from inspect import get_annotations
from typing import Any

from contracts.events import DATA_TYPES, CaseData, Data, TaskData
from contracts.fields import CODE_LENGTH, CODES_LENGTH, TEXT_LENGTH
from contracts.landing_rules import ENVELOPE, FieldRule, rules_of

_HEAD = """\
# The event contract

<!-- Made by `python -m contracts.generate` from the models in contracts/. Do not edit. -->

An event says what happened to a case, when, and who decided it. It is a
[CloudEvents 1.0](https://cloudevents.io) event in structured JSON (UTF-8, no NaN, no BOM), one event a Kafka
record, under its `subject` as key. Unknown fields of `data` are kept, unknown types are refused, and `null`
is the same as absent. Where an object has a key twice, the first counts, whoever reads it.
There is no field for a name, a telephone number or an identity number.
`specversion` is `"1.0"`, `data` is an object; what else an event must and may carry is below.

`source` and `id` together name an event for ever: the same event sent twice is counted once; the same name
with other content is refused. The order of arrival means nothing: events are ordered by `time`, then
`sequence`, then `id`.

What was sent by mistake is taken back by an event of type `gridrates.event.retracted.v1` with the same
`source` and `subject`, which names it by its `id`: figures are then as if it had never been sent, whichever
of the two arrives first. It stays on record, and its `id` stays taken back: what holds after all is sent as
a new event.

The machine-readable forms are the JSON Schemas in `contracts/schemas/` and the AsyncAPI document
`contracts/asyncapi.yaml`; `contracts/examples.jsonl` holds the examples below, ready for
`gridrates produce events`.
"""
_KINDS_HEAD = """\
## Kinds of value

A scalar may be given as its JSON type or as the same value written as text.

"""
_KINDS = {
    "code": f'a code or number: 1 to {CODE_LENGTH} printable characters, none of `{{ }} [ ] "`, no blank at '
    "either end; a whole number is taken as its digits",
    "codes": f"a list of at most {CODES_LENGTH:,} codes",
    "text": f"free text of at most {TEXT_LENGTH:,} characters",
    "moment": "a time by RFC 3339 with seconds and an offset, such as `2026-05-01T08:00:00+08:00`, from 1970 "
    "to 2199; decimals of a second beyond the sixth are dropped",
    "flag": "`true` or `false`",
    "integer": "a whole number within the bounds given with the field",
    "number": "a number within the bounds given with the field",
    "hash": "16 to 128 hexadecimal digits made with a secret key, whose id may stand before (`k1:…`)",
    "word": "one of the words given with the field",
}
_BASES: dict[type, str] = {
    TaskData: "the fields of a dispatch task, of case events and of every `data`",
    CaseData: "the fields of case events and of every `data`",
    Data: "the fields of every `data`",
}


def contract_page(examples: Sequence[Mapping[str, Any]]) -> str:
    """The whole page."""
    parts = [
        _HEAD,
        "## Envelope\n\n" + _fields(ENVELOPE.values()),
        _KINDS_HEAD + _table(("kind", "what it is"), _KINDS.items()),
        "## Event types\n\n" + _overview(),
        "## Fields every `data` may have\n\n" + _fields(_own(Data)),
        "## Fields every case event may have\n\n" + _doc(CaseData) + _fields(_own(CaseData)),
        "## Fields of events about a dispatch task\n\n" + _doc(TaskData) + _fields(_own(TaskData)),
        "## The event types one by one\n",
        *(_type_part(model, examples) for model in DATA_TYPES.values()),
    ]
    return "\n".join(parts)


def _own(model: type[Data]) -> list[FieldRule]:
    """The fields that a model itself declares, new or more strict than in its base."""
    return [rule for name, rule in rules_of(model).items() if name in get_annotations(model)]


def _doc(model: type[Data]) -> str:
    return f"{model.__doc__}\n\n"


def _overview() -> str:
    rows = [
        (f"[`{name}`](#{_anchor(name)})", model.zh, str(model.__doc__)) for name, model in DATA_TYPES.items()
    ]
    return _table(("type", "中文", "what happened"), rows)


def _anchor(event_type: str) -> str:
    return event_type.replace(".", "")


def _type_part(model: type[Data], examples: Sequence[Mapping[str, Any]]) -> str:
    example = next(event for event in examples if event["type"] == model.type)
    own = _own(model)
    base = next(ancestor for ancestor in model.__mro__[1:] if ancestor in _BASES)
    return (
        f"### {model.type}\n\n**{model.zh}** {_doc(model)}"
        + (_fields(own) + "\n" if own else "")
        + f"{'Also' if own else 'It has'} {_BASES[base]}.\n\n"
        + f"```json\n{json.dumps(example, ensure_ascii=False, indent=2)}\n```\n"
    )


def _fields(rules: Iterable[FieldRule]) -> str:
    return _table(("field", "中文", "meaning", "kind", "required"), map(_row, rules))


def _row(rule: FieldRule) -> tuple[str, ...]:
    zh, _, meaning = rule.description.partition(" ")
    required = "yes, not empty" if rule.is_required and rule.kind.name == "text" else "yes"
    return f"`{rule.name}`", zh, meaning, _kind(rule), required if rule.is_required else ""


def _kind(rule: FieldRule) -> str:
    if rule.name == "type":
        return "word"
    words = " ".join(f"`{word}`" for word in rule.words)
    default = f"; absent: `{rule.default}`" if rule.default else ""
    bounds = f", {rule.kind.least:,.0f} to {rule.kind.most:,.0f}" if rule.kind.most is not None else ""
    return f"{rule.kind.name}{bounds}{': ' + words if words else ''}{default}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
