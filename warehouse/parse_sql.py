"""Writes the statements that parse payloads, from the contract: `warehouse/sql/parse_*.sql`.

`python -m warehouse.parse_sql` writes the files; a test holds them current. There is one statement for plain
events of cases (`warehouse.plain`), one for all events of cases and one for all others, so that the many rows
of the first kind carry neither the columns nor the checks that the others need. Each reads a relation
`payloads(n, s)` and gives one row a payload, in order: `n`, the columns of `raw_event` that it knows,
`id_hash`, `payload_hash` and `is_sure`; `event_type` is null where the event is of none of its types.

`is_sure` is a promise in one direction only: a sure row is one that `warehouse.verdict` accepts too, with
the same values. Whatever is not plainly right (also things that are right, but rare) is left to that
module, so that SQL never has to explain itself and the two can never disagree.

The statements are written for speed where DuckDB computes every expression for every row: AND and OR do not
stop early, CASE does; a list after IN becomes a join when it is long.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from contracts.events import CASE_TYPES
from contracts.fields import CODE_BLANKS, CODE_NEVER, CODES_LENGTH, EARLIEST, LATEST, Kind
from contracts.landing_rules import COLUMNS, ENVELOPE, SPECVERSION, TYPES, FieldRule
from warehouse import plain
from warehouse.statements import FOLDER

_NOTE = "-- Generated from the contract by `python -m warehouse.parse_sql`: change that module instead.\n"
_CASES = [model.type for model in CASE_TYPES]
_FAMILIES = {"cases": _CASES, "others": [name for name in TYPES if name not in _CASES]}

# Text that a number, a truth value or a container becomes when it is read as text: whether it was
# written as text cannot be told any more.
_NUMBER = r"[0-9]+(?:\.[0-9]+(?:e[+-]?[0-9]+)?|e[+-]?[0-9]+)"
_WORDS = "true|false|nan|inf|infinity"
_NOT_A_TEXT = rf"^(?:[\[{{]|[+-]?(?:{_NUMBER}|[0-9]+|{_WORDS})$)"
# More brackets than this may nest too deeply for the reader that judges; see `warehouse.verdict`.
_MANY_BRACKETS = 500
_MANY_BYTES = 2 * _MANY_BRACKETS


@dataclass(frozen=True)
class _Field:
    """One field of `data` over the types of a family that know it."""

    column: str
    kind: Kind
    rules: Mapping[str, FieldRule]


def generate() -> dict[str, str]:
    """The text of every file, by its name without the ending."""
    return {
        "parse_macros": _macros(),
        "parse_plain": _statement("cases", plain.COLUMNS, is_plain=True),
        "parse_cases": _statement("cases", COLUMNS),
        "parse_others": _statement("others", COLUMNS),
    }


def _statement(family: str, columns: Iterable[str], *, is_plain: bool = False) -> str:
    types = _FAMILIES[family]
    fields = [field for column in columns if (field := _field(column, types)).rules]
    version, shape = ("VARCHAR", _plain_checks) if is_plain else ("JSON", _shape_checks)
    seen = plain.SEEN if is_plain else ()
    checks = [*shape(fields), *_envelope_checks(), *_data_checks(fields, types, seen)]
    return (
        _NOTE
        + f"""WITH decoded AS (
  SELECT n, s, from_json(s, {_literal(_structure(fields, version))}) AS e
  FROM payloads
), typed AS (
  SELECT *, try_cast(e.type AS type_of_{family}) AS event_type
  FROM decoded
), texts AS (
  SELECT
{_listed(["n", "s", "e.specversion", "event_type", *_envelope_texts(), *(_text(f, types) for f in fields)])}
  FROM typed
)
SELECT
{_listed(["n", *_values(fields), "hash(source, event_id) AS id_hash", "hash(s) AS payload_hash"])},
    coalesce(
      {f"{chr(10)}      AND ".join(checks)}
    , false) AS is_sure
FROM texts;
"""
    )


def _macros() -> str:
    """The event types, and a macro a kind of value: true when the text is plainly right."""
    types = "".join(
        f"CREATE TYPE type_of_{family} AS ENUM ({_literals(names)});\n" for family, names in _FAMILIES.items()
    )
    return (
        _NOTE
        + types
        + "".join(
            f"CREATE TEMP MACRO {signature} AS\n  {f'{chr(10)}  AND '.join(conditions)};\n"
            for signature, conditions in _kind_macros()
        )
    )


def _kind_macros() -> Iterator[tuple[str, list[str]]]:
    text, keyed, moment = _kind("text"), _kind("hash"), _kind("moment")
    yield "are_codes(joined, s, count, longest)", _code_conditions()
    yield (
        "is_text(v)",
        [f"strlen(v) <= {text.longest}", f"NOT regexp_matches(v, {_literal(_NOT_A_TEXT)}, 'i')"],
    )
    # Without a letter it may have been written as a number.
    yield "is_hash(v)", [_matches("v", keyed.pattern), "regexp_matches(v, '[a-f]')"]
    bounds = [
        f"try_cast(v AS TIMESTAMPTZ) {sign} TIMESTAMPTZ {_literal(limit.isoformat())}"
        for sign, limit in ((">=", EARLIEST), ("<", LATEST))
    ]
    yield "is_moment(v)", [_matches("v", moment.pattern), *bounds]
    yield "is_flag(v)", ["v IN ('true', 'false')"]
    for name in ("integer", "number"):
        kind = _kind(name)
        value = f"try_cast(v AS {kind.sql_type}) BETWEEN least AND most"
        yield f"is_{name}(v, least, most)", [_matches("v", kind.pattern), value]
    # Of plain words only: any other list, and a list hidden in a text, needs a quote or an escape.
    word = r'"[\w./:\x{4e00}-\x{9fff}-]+"'
    words = rf"\[{word}(?:,{word})*\]"
    longest = _kind("code").longest or 0
    no_long_one = f"NOT regexp_matches(v, '[^\"]{{{longest + 1}}}')"
    yield (
        "is_list(v, s)",
        [
            # Any code takes four bytes or more: a list of so few bytes has not too many.
            f"strlen(v) <= {4 * CODES_LENGTH}",
            f"regexp_full_match(v, {_literal(words)})",
            f"CASE WHEN strlen(v) > {longest} THEN {no_long_one} ELSE true END",
            "NOT contains(s, '\\')",
        ],
    )


def _code_conditions() -> list[str]:
    """All codes of an event at once, joined by a sign that none of them may hold.

    A code that holds it nevertheless needs an escape, and then there are more parts than codes.
    """
    never, blanks = _re2(CODE_NEVER.replace('"', "")), _re2(CODE_BLANKS)
    # Signs no code may hold; blank or empty at its start, at the end of all, before the next one.
    not_codes = [
        f"[{never}]",
        f'(?:^|")[{blanks}"]',
        f'[{blanks}"]$',
        f'[{blanks}]"',
        f'(?i:(?:^|")[+-]?(?:{_NUMBER}|{_WORDS})(?:"|$))',
    ]
    parts = "length(joined) - length(replace(joined, '\"', '')) + 1"
    code = _kind("code")
    return [
        f"NOT regexp_matches(joined, {_literal('|'.join(not_codes))})",
        f"CASE WHEN strlen(joined) > {code.longest} THEN longest <= {code.longest} ELSE true END",
        f"CASE WHEN contains(s, '\\') THEN {parts} = count ELSE true END",
    ]


def _kind(name: str) -> Kind:
    kinds = [*(rule.kind for rule in ENVELOPE.values()), *(column.kind for column in COLUMNS.values())]
    return next(kind for kind in kinds if kind.name == name)


def _field(column: str, types: Iterable[str]) -> _Field:
    rules = {name: rule for name in types if (rule := TYPES[name].fields.get(column))}
    return _Field(column, COLUMNS[column].kind, rules)


def _structure(fields: Iterable[_Field], version: str) -> str:
    envelope = {"specversion": version} | dict.fromkeys(ENVELOPE, "VARCHAR")
    return json.dumps(envelope | {"data": {field.column: "VARCHAR" for field in fields}})


def _envelope_texts() -> list[str]:
    return [f"e.{name} AS {rule.column}" for name, rule in ENVELOPE.items() if name != "type"]


def _text(field: _Field, types: list[str]) -> str:
    """The field as text, where the event's type knows it."""
    inner = f"e.data.{field.column}"
    if len(field.rules) == len(types):
        return inner
    return f"CASE WHEN {_is_in('event_type', field.rules)} THEN {inner} END AS {field.column}"


def _is_in(column: str, words: Iterable[str]) -> str:
    return " OR ".join(f"{column} = {_literal(word)}" for word in words)


def _code_columns(fields: Iterable[_Field]) -> list[str]:
    envelope = [rule.column for rule in ENVELOPE.values() if rule.kind.name == "code"]
    return envelope + [field.column for field in fields if field.kind.name == "code"]


def _values(fields: Iterable[_Field]) -> list[str]:
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
            return f"CASE WHEN is_list({column}, s) THEN from_json({column}, '[\"VARCHAR\"]') END AS {column}"
        case _:
            return column


def _shape_checks(fields: list[_Field]) -> Iterator[str]:
    """What must hold for the whole of a payload."""
    codes = _code_columns(fields)
    joined = f"concat_ws('\"', {', '.join(codes)})"
    count = " + ".join(f"({column} IS NOT NULL)::INT" for column in codes)
    # As JSON, so that the number 1.0 is not taken for the text.
    yield f"specversion = {_literal(json.dumps(SPECVERSION))}"
    yield from _object_checks(fields)
    yield f"are_codes({joined}, s, {count}, {_longest(codes)})"


def _plain_checks(fields: list[_Field]) -> Iterator[str]:
    """The same for a plain payload."""
    yield f"specversion = {_literal(SPECVERSION)}"
    yield from _object_checks(fields)
    yield f"{_longest(_code_columns(fields))} <= {_kind('code').longest}"


def _object_checks(fields: list[_Field]) -> Iterator[str]:
    known = ", ".join(field.column for field in fields)
    yield "event_type IS NOT NULL"
    # `data` is an object when a field was found in it.
    yield f"CASE WHEN coalesce({known}) IS NULL THEN json_type(s, '$.data') = 'OBJECT' ELSE true END"
    brackets = "length(s) - length(translate(s, '[{', ''))"
    yield f"CASE WHEN strlen(s) >= {_MANY_BYTES} THEN {brackets} < {_MANY_BRACKETS} ELSE true END"


def _longest(columns: Iterable[str]) -> str:
    return f"greatest({', '.join(f'strlen({column})' for column in columns)})"


def _envelope_checks() -> Iterator[str]:
    for name, rule in ENVELOPE.items():
        if rule.kind.name == "code":
            yield f"{rule.column} IS NOT NULL"
        elif name != "type":
            check = _kind_check(rule.column, rule.kind)
            yield check if rule.is_required else _where_given(rule.column, check)


def _data_checks(fields: list[_Field], types: list[str], seen: Collection[str]) -> Iterator[str]:
    """The checks of all fields; those that few types know are made for these types only.

    `seen` are the kinds whose values were looked at already.
    """

    def owners(field: _Field) -> tuple[str, ...]:
        return tuple(field.rules)

    for known_to, some in groupby(sorted(fields, key=owners), key=owners):
        checks = [check for field in some for check in _field_checks(field, seen)]
        if len(known_to) == len(types):
            yield from checks
        elif checks:
            yield f"CASE WHEN {_is_in('event_type', known_to)} THEN {' AND '.join(checks)} ELSE true END"


def _field_checks(field: _Field, seen: Collection[str]) -> Iterator[str]:
    if field.kind.name == "word":
        yield _where_given(field.column, _words_check(field))
    elif field.kind.name not in ("code", *seen):
        yield _where_given(field.column, _kind_check(field.column, field.kind))
    yield from _presence(field, "IS NOT NULL", lambda rule: rule.is_required)
    yield from _presence(field, "<> ''", lambda rule: rule.is_filled and rule.kind.name == "text")


def _where_given(column: str, check: str) -> str:
    """The check, where there is a value: most fields are not there in most events."""
    return f"CASE WHEN {column} IS NOT NULL THEN {check} ELSE true END"


def _presence(field: _Field, condition: str, is_asked: Callable[[FieldRule], bool]) -> Iterator[str]:
    """The condition, for the types that ask for it."""
    types = [name for name, rule in field.rules.items() if is_asked(rule)]
    if len(types) == len(field.rules):
        yield f"{field.column} {condition}"
    elif types:
        yield f"CASE WHEN {_is_in('event_type', types)} THEN {field.column} {condition} ELSE true END"


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
            return f"is_list({column}, s)"
        case _:
            return f"is_{kind.name}({column})"


def _matches(column: str, pattern: str | None) -> str:
    bare = (pattern or "").removeprefix("^").removesuffix("$")
    return f"regexp_full_match({column}, {_literal(_re2(bare))})"


def _re2(pattern: str) -> str:
    """The pattern with groups that capture nothing and every sign written in ASCII."""
    text = "".join(sign if sign.isascii() else f"\\x{{{ord(sign):x}}}" for sign in pattern)
    return text.replace("(", "(?:").replace("(?:?:", "(?:")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _literals(texts: Iterable[str]) -> str:
    return ", ".join(map(_literal, texts))


def _listed(items: Iterable[str]) -> str:
    return ",\n".join(f"    {item}" for item in items)


if __name__ == "__main__":
    for name, text in generate().items():
        (FOLDER / f"{name}.sql").write_text(text, encoding="utf-8")
