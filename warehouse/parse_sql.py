"""Writes `warehouse/sql/parse_events.sql` from the contract: payloads in, typed rows out.

`python -m warehouse.parse_sql` writes the file; a test holds it current. The statement reads a relation
`payloads(n, s)` and gives one row a payload, in order: `n`, the columns of `raw_event` up to the payload,
`id_hash`, `payload_hash` and `is_sure`.

`is_sure` is a promise in one direction only: a sure row is one that `warehouse.verdict` accepts too, with
the same values. Whatever is not plainly right (also things that are right, but rare) is left to that
module, so that SQL never has to explain itself and the two can never disagree.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from contracts.fields import EARLIEST, LATEST, Kind
from contracts.landing_rules import COLUMNS, ENVELOPE, SPECVERSION, TYPES, FieldRule
from warehouse.statements import FOLDER

FILE = FOLDER / "parse_events.sql"
MACROS = FOLDER / "parse_macros.sql"

# Text that a number, a truth value or a container becomes when it is read as text: whether it was
# written as text cannot be told any more.
_NUMBER = r"[0-9]+(?:\.[0-9]+(?:e[+-]?[0-9]+)?|e[+-]?[0-9]+)"
_WORDS = "true|false|nan|inf|infinity"
_NOT_A_CODE = rf'(?:^|")[+-]?(?:{_NUMBER}|{_WORDS})(?:"|$)'
_NOT_A_TEXT = rf"^(?:[\[{{]|[+-]?(?:{_NUMBER}|[0-9]+|{_WORDS})$)"
# More brackets than this may nest too deeply for the reader that judges; see `warehouse.verdict`.
_MANY_BRACKETS = 500
_MANY_BYTES = 2 * _MANY_BRACKETS


@dataclass(frozen=True)
class _Field:
    """One field of `data` over all the types that know it."""

    column: str
    kind: Kind
    rules: Mapping[str, FieldRule]


def generate() -> str:
    """The statement, ending in a line break."""
    fields = [_field(column) for column in COLUMNS]
    return "\n".join(
        [
            "-- Generated from the contract by `python -m warehouse.parse_sql`: change that module instead.",
            "WITH decoded AS (",
            f"  SELECT n, s, from_json(s, {_literal(_structure())}) AS e",
            "  FROM payloads",
            "), typed AS (",
            "  SELECT *, try_cast(e.type AS event_type) AS event_type",
            "  FROM decoded",
            "), texts AS (",
            "  SELECT",
            _listed(["n", "s", "e.specversion", "event_type", *_envelope_texts(), *map(_text, fields)]),
            "  FROM typed",
            "), joined AS (",
            f"  SELECT *, concat_ws('\"', {', '.join(_code_columns())}) AS codes",
            "  FROM texts",
            ")",
            "SELECT",
            _listed(["n", *_values(fields), "hash(source, event_id) AS id_hash", "hash(s) AS payload_hash"])
            + ",",
            "    coalesce(",
            "      " + "\n      AND ".join([*_shape(), *_envelope_checks(), *_data_checks(fields)]),
            "    , false) AS is_sure",
            "FROM joined;",
            "",
        ]
    )


def macros() -> str:
    """The event types, and a macro a kind of value: true when the text is plainly right."""
    return "\n".join(
        [
            "-- Generated from the contract by `python -m warehouse.parse_sql`: change that module instead.",
            f"CREATE TYPE event_type AS ENUM ({_literals(TYPES)});",
            *(
                f"CREATE TEMP MACRO {name}({', '.join(signature)}) AS\n  " + "\n  AND ".join(conditions) + ";"
                for name, signature, conditions in _macros()
            ),
            "",
        ]
    )


def _macros() -> Iterable[tuple[str, tuple[str, ...], list[str]]]:
    code, text, keyed, moment = (_kind(name) for name in ("code", "text", "hash", "moment"))
    yield "is_code", ("v",), [f"strlen(v) <= {code.longest}", _matches("v", code.pattern)]
    yield (
        "is_text",
        ("v",),
        [
            f"strlen(v) <= {text.longest}",
            f"NOT regexp_matches(v, {_literal(_NOT_A_TEXT)}, 'i')",
        ],
    )
    # Without a letter it may have been written as a number.
    yield "is_hash", ("v",), [_matches("v", keyed.pattern), "regexp_matches(v, '[a-f]')"]
    yield (
        "is_moment",
        ("v",),
        [
            _matches("v", moment.pattern),
            f"try_cast(v AS TIMESTAMPTZ) >= {_moment(EARLIEST.isoformat())}",
            f"try_cast(v AS TIMESTAMPTZ) < {_moment(LATEST.isoformat())}",
        ],
    )
    yield "is_flag", ("v",), ["v IN ('true', 'false')"]
    for name in ("integer", "number"):
        kind = _kind(name)
        value = f"try_cast(v AS {kind.sql_type}) BETWEEN least AND most"
        yield f"is_{name}", ("v", "least", "most"), [_matches("v", kind.pattern), value]
    # Of plain words only: any other list, and a list hidden in a text, needs a quote or an escape.
    words = r'\["[\w./:-]+"(?:,"[\w./:-]+")*\]'
    yield "is_codes", ("v", "s"), [f"regexp_full_match(v, {_literal(words)})", "NOT contains(s, '\\')"]


def _kind(name: str) -> Kind:
    kinds = [*(rule.kind for rule in ENVELOPE.values()), *(column.kind for column in COLUMNS.values())]
    return next(kind for kind in kinds if kind.name == name)


def _field(column: str) -> _Field:
    rules = {t: f for t, rule in TYPES.items() for f in rule.fields.values() if f.column == column}
    return _Field(column, COLUMNS[column].kind, rules)


def _structure() -> str:
    # As JSON, so that the number 1.0 is not taken for the text.
    envelope = {"specversion": "JSON"} | dict.fromkeys(ENVELOPE, "VARCHAR")
    return json.dumps(envelope | {"data": dict.fromkeys(COLUMNS, "VARCHAR")})


def _text(field: _Field) -> str:
    """The field as text, where the event's type knows it."""
    inner = f"e.data.{field.column}"
    if len(field.rules) == len(TYPES):
        return inner
    return f"CASE WHEN {_is_one_of(field.rules)} THEN {inner} END AS {field.column}"


def _is_one_of(types: Iterable[str]) -> str:
    """A condition on the event's type, said the shorter way."""
    chosen = set(types)
    others = [t for t in TYPES if t not in chosen]
    if len(others) < len(chosen):
        return _is_not_one_of(others)
    return _is_in("event_type", [t for t in TYPES if t in chosen])


def _is_not_one_of(types: Iterable[str]) -> str:
    return " AND ".join(f"event_type <> {_literal(t)}" for t in types)


def _is_in(column: str, words: Iterable[str]) -> str:
    # Not IN: DuckDB turns a long list into a join, which is dear for a handful of words.
    return " OR ".join(f"{column} = {_literal(word)}" for word in words)


def _envelope_texts() -> list[str]:
    return [f"e.{name} AS {rule.column}" for name, rule in ENVELOPE.items() if name != "type"]


def _values(fields: list[_Field]) -> list[str]:
    kinds = [(rule.column, rule.kind) for rule in ENVELOPE.values()]
    kinds += [(field.column, field.kind) for field in fields]
    return [_value(column, kind) for column, kind in kinds]


def _value(column: str, kind: Kind) -> str:
    match kind.name:
        case "moment" | "integer" | "number":
            return f"try_cast({column} AS {kind.sql_type}) AS {column}"
        case "flag":
            return f"{column} = 'true' AS {column}"
        case "codes":
            return (
                f"CASE WHEN is_codes({column}, s) THEN from_json({column}, '[\"VARCHAR\"]') END AS {column}"
            )
        case _:
            return column


def _shape() -> list[str]:
    """What must hold for the whole of the payload."""
    known = ", ".join(COLUMNS)
    return [
        f"specversion = {_literal(json.dumps(SPECVERSION))}",
        "event_type IS NOT NULL",
        # `data` is an object when a field was found in it.
        # CASE, where OR would do: of an OR, DuckDB computes both sides for every row.
        f"CASE WHEN coalesce({known}) IS NULL THEN json_type(s, '$.data') = 'OBJECT' ELSE true END",
        f"CASE WHEN strlen(s) >= {_MANY_BYTES} THEN length(s) - length(translate(s, '[{{', '')) "
        f"< {_MANY_BRACKETS} ELSE true END",
    ]


def _code_columns() -> list[str]:
    envelope = [rule.column for rule in ENVELOPE.values() if rule.kind.name == "code"]
    return envelope + [name for name, column in COLUMNS.items() if column.kind.name == "code"]


def _envelope_checks() -> Iterable[str]:
    for name, rule in ENVELOPE.items():
        if name != "type":
            check = _kind_check(rule.column, rule.kind)
            yield check if rule.is_required else f"({rule.column} IS NULL OR {check})"


def _data_checks(fields: list[_Field]) -> list[str]:
    return [
        f"NOT regexp_matches(codes, {_literal(_NOT_A_CODE)}, 'i')",
        *(check for field in fields for check in _field_checks(field)),
    ]


def _field_checks(field: _Field) -> Iterable[str]:
    check = _words_check(field) if field.kind.name == "word" else _kind_check(field.column, field.kind)
    yield f"({field.column} IS NULL OR {check})"
    required = [t for t, rule in field.rules.items() if rule.is_required]
    if required:
        yield f"({field.column} IS NOT NULL OR ({_is_not_one_of(required)}))"
    filled = [t for t, rule in field.rules.items() if rule.is_filled and rule.kind.name == "text"]
    if filled:
        yield f"({field.column} <> '' OR ({_is_not_one_of(filled)}))"


def _words_check(field: _Field) -> str:
    by_words: dict[tuple[str, ...], list[str]] = {}
    for event_type, rule in field.rules.items():
        by_words.setdefault(rule.words, []).append(event_type)
    if len(by_words) == 1:
        return _is_in(field.column, next(iter(by_words)))
    cases = " ".join(
        f"WHEN {_is_in('event_type', types)} THEN {_is_in(field.column, words)}"
        for words, types in by_words.items()
    )
    return f"CASE {cases} END"


def _kind_check(column: str, kind: Kind) -> str:
    match kind.name:
        case "integer" | "number":
            return f"is_{kind.name}({column}, {kind.least!r}, {kind.most!r})"
        case "codes":
            return f"is_codes({column}, s)"
        case _:
            return f"is_{kind.name}({column})"


def _matches(column: str, pattern: str | None) -> str:
    return (
        f"regexp_full_match({column}, {_literal(_re2((pattern or '').removeprefix('^').removesuffix('$')))})"
    )


def _re2(pattern: str) -> str:
    """The pattern with groups that capture nothing and every sign written in ASCII."""
    text = "".join(sign if sign.isascii() else f"\\x{{{ord(sign):x}}}" for sign in pattern)
    return text.replace("(", "(?:").replace("(?:?:", "(?:")


def _moment(text: str) -> str:
    return f"TIMESTAMPTZ {_literal(text)}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _literals(texts: Iterable[str]) -> str:
    return ", ".join(map(_literal, texts))


def _listed(items: Iterable[str]) -> str:
    return ",\n".join(f"    {item}" for item in items)


if __name__ == "__main__":
    FILE.write_text(generate(), encoding="utf-8")
    MACROS.write_text(macros(), encoding="utf-8")
