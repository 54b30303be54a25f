"""The model of `mapping.yaml`: which columns of an export become which events.

Reads one YAML file, every scalar as the text it is written as, so that `01`, `Yes` and `2024-05-01` mean
themselves. Guarantees that what it returns names known events and known fields of the contract, gives
every field that the contract requires, and holds no constant that the contract would refuse: a mistake is
an InputError that names the file and the key. Whether the columns exist is for the file to say.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from contracts.events import DATA_TYPES
from contracts.fields import Code
from contracts.landing_rules import TYPES, FieldRule
from gridrates.errors import InputError
from gridrates.profile import Zone, explain
from gridrates.yaml_files import read_yaml

VERBS: dict[str, str] = {event_type.split(".")[-2]: event_type for event_type in TYPES}
# Beside strptime patterns: a time that carries its offset, the day number of a spreadsheet, and seconds or
# milliseconds since the first moment of 1970 in UTC.
ISO_FORMAT = "iso8601"
EXCEL_FORMAT = "excel"
EPOCH_FORMAT = "epoch"
EPOCH_MS_FORMAT = "epoch_ms"
OWN_FORMATS = (ISO_FORMAT, EXCEL_FORMAT, EPOCH_FORMAT, EPOCH_MS_FORMAT)
# Words that stand for the AM and PM of a format's `%p`.
HALF_DAYS = {"上午": "AM", "下午": "PM"}
# And those with dots, as `a. m.` in Spanish, whose letter is the first group.
DOTTED_HALF_DAY = "([AaPp])\\.[ \u00a0\u202f]?[Mm]\\."
# Year first, so none can be read in two ways. The commonest stands first: a miss costs time.
DEFAULT_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    ISO_FORMAT,
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y/%m/%d %H:%M",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日 %H:%M",
    "%Y年%m月%d日 %H时%M分%S秒",
    "%Y年%m月%d日 %H时%M分",
    "%Y年%m月%d日%H:%M:%S",
    "%Y年%m月%d日%H:%M",
    "%Y年%m月%d日%H时%M分%S秒",
    "%Y年%m月%d日%H时%M分",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y年%m月%d日",
)


# Text, a column in braces, or a brace that is neither doubled nor closed.
_TEMPLATE_PART = re.compile(r"((?:[^{}]|\{\{|\}\})+)|(\{[^{}]*\})|([{}])")


class Model(BaseModel):
    """A part of the mapping: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _known_format(text: str) -> str:
    if text in OWN_FORMATS:
        return text
    if "%" not in text or "%z" in text or "%Z" in text:
        raise ValueError(
            f"{text!r} is no time format: write one such as '%Y-%m-%d %H:%M:%S', or {ISO_FORMAT} for times "
            f"with an offset, {EXCEL_FORMAT} for the day numbers of a spreadsheet, {EPOCH_FORMAT} or "
            f"{EPOCH_MS_FORMAT} for seconds or milliseconds since 1970"
        )
    return text


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL character cannot be part of a mapping")
    return text


def _known_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no pattern: {error}") from error
    return text


Plain = Annotated[str, AfterValidator(_no_nul)]
Format = Annotated[Plain, AfterValidator(_known_format)]
Words = Annotated[tuple[Plain, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)]


class Condition(Model):
    """What a cell must be for an event to be made: there, absent, one of some words, or none of them; or
    what must be found in it, or must not.

    A blank cell is the word "".
    """

    present: bool | None = None
    any_of: Words = ()
    none_of: Words = ()
    matches: Annotated[Plain, AfterValidator(_known_pattern)] | None = None
    matches_not: Annotated[Plain, AfterValidator(_known_pattern)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_short(cls, value: Any) -> Any:
        if value in ("present", "absent"):
            return {"present": value == "present"}
        if isinstance(value, dict):
            if set(value) == {"not"}:
                return {"none_of": value["not"]}
            if len(value) == 1 and set(value) <= {"matches", "matches_not"}:
                return value
            raise ValueError(
                "a condition is present, absent, a word, a list of words, {not: words}, {matches: pattern} "
                "or {matches_not: pattern}"
            )
        return {"any_of": value}

    @model_validator(mode="after")
    def _asks_something(self) -> Condition:
        asks_pattern = self.matches is not None or self.matches_not is not None
        if self.present is None and not self.any_of and not self.none_of and not asks_pattern:
            raise ValueError("a condition needs a word")
        return self


class Value(Model):
    """Where a value comes from: a column, a constant, or a template of columns; then what becomes of it.

    `pattern` keeps the part of the text in its first group (or all it matches), `map` translates, and
    `otherwise` is what stands for text that neither knows; without it such a row is rejected. An empty
    result means that the field is left out. `keyed` sends a keyed hash of it, never the text itself.
    """

    column: Plain | None = None
    constant: Plain | None = None
    template: Plain | None = None
    pattern: Annotated[Plain, AfterValidator(_known_pattern)] | None = None
    map: dict[Plain, Plain] | None = None
    otherwise: Plain | None = None
    keyed: bool = False
    formats: tuple[Format, ...] | None = None
    time_zone: Zone | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_short(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_one_thing(self) -> Value:
        if sum(part is not None for part in (self.column, self.constant, self.template)) != 1:
            raise ValueError("give one of `column`, `constant` and `template`")
        if self.map == {}:
            raise ValueError("`map` holds no word")
        if self.otherwise is not None and self.pattern is None and self.map is None:
            raise ValueError("`otherwise` needs a `map` or a `pattern` beside it")
        if self.constant is not None and (self.pattern is not None or self.map is not None):
            raise ValueError("a constant needs no `map` and no `pattern`")
        if self.template is not None and not self.columns:
            raise ValueError("a template names its columns in braces, such as '{date} {time}'")
        return self

    @cached_property
    def pieces(self) -> tuple[tuple[str, str | None], ...]:
        """The template in pieces: literal text, or a column (then the text is empty)."""
        return tuple(_pieces(self.template or ""))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads."""
        if self.column is not None:
            return (self.column,)
        return tuple(column for _, column in self.pieces if column is not None)

    @property
    def results(self) -> tuple[str, ...]:
        """Every text it gives that stands in the mapping itself."""
        given = (self.constant, self.otherwise, *(self.map or {}).values())
        return tuple(text for text in given if text)


Values = Annotated[tuple[Value, ...], BeforeValidator(lambda v: v if isinstance(v, list | tuple) else (v,))]


class EventRule(Model):
    """One event that a row may give: when it happened, under which conditions, and what it says."""

    at: Value
    verb: str = ""
    when: dict[Plain, Condition] = {}
    fields: dict[str, Values] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"at": value}
        if not isinstance(value, dict) or "fields" in value:
            return value
        own = {key: part for key, part in value.items() if key in ("at", "verb", "when")}
        return own | {"fields": {key: part for key, part in value.items() if key not in own}}

    @property
    def columns(self) -> Iterator[str]:
        """The columns it reads."""
        yield from self.at.columns
        yield from self.when
        for values in self.fields.values():
            for value in values:
                yield from value.columns


class Mapping(Model):
    """One kind of export. The order of `events` is the order of the steps of a row.

    `row` names a row where `id` does not: where a case has several.
    """

    source: Code
    id: Value
    row: Value | None = None
    events: dict[str, EventRule]
    time_zone: Zone
    time_formats: tuple[Format, ...] = DEFAULT_FORMATS
    encoding: str | None = None
    delimiter: str | None = None
    sheet: Plain | tuple[Plain, ...] | None = None
    empty: tuple[Plain, ...] = ()

    @model_validator(mode="after")
    def _speaks_the_contract(self) -> Mapping:
        if not self.events:
            raise ValueError("it names no event")
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise ValueError("`delimiter` is one character, and neither a quote nor the end of a line")
        if self.sheet == () or len(set(self.sheets)) < len(self.sheets):
            raise ValueError("`sheet` is a name, or a list of different names")
        for name, value in (("id", self.id), ("row", self.row)):
            if value is not None and value.constant is not None:
                raise ValueError(f"`{name}` cannot be the same for every row")
        problems = [problem for key, rule in self.events.items() for problem in _problems(key, rule)]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def sheets(self) -> tuple[str, ...]:
        """The sheets of a workbook that it names."""
        return (self.sheet,) if isinstance(self.sheet, str) else self.sheet or ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column it reads, once, in the order it names them."""
        named = (c for rule in self.events.values() for c in rule.columns)
        key = self.row.columns if self.row is not None else ()
        return tuple(dict.fromkeys([*self.id.columns, *key, *named]))


def event_type(key: str, rule: EventRule) -> str:
    """The event's type: its verb is its key, unless it says another."""
    return VERBS[rule.verb or key]


def nearest(word: str, words: Iterable[str]) -> str:
    """`, did you mean …?` with the words nearest to `word`, or nothing when none is near."""
    near = difflib.get_close_matches(word, list(words), n=3, cutoff=0.5)
    return f", did you mean {' or '.join(repr(w) for w in near)}?" if near else ""


def load_mapping(path: Path, *, time_zone: str) -> Mapping:
    """Read a mapping; `time_zone` holds where it names none. Raises InputError naming what is wrong."""
    if not path.exists():
        raise InputError(
            f"There is no mapping {path}.",
            remedy="Write one, or let `gridrates profile new` propose it from an export.",
        )
    content = read_yaml(path, as_text=True)
    try:
        return Mapping.model_validate({"time_zone": time_zone} | content)
    except ValidationError as error:
        raise InputError(
            f"{path}: {explain(error)}.", remedy="docs/csv-import.md shows how a mapping is written."
        ) from error


def _pieces(template: str) -> Iterator[tuple[str, str | None]]:
    for literal, column, stray in _TEMPLATE_PART.findall(template):
        if stray or column == "{}":
            raise ValueError(
                f"the template {template!r} has a stray {stray or column}; write {{{{ for a brace"
            )
        yield literal.replace("{{", "{").replace("}}", "}"), column[1:-1] if column else None


def _problems(key: str, rule: EventRule) -> Iterator[str]:
    verb = rule.verb or key
    if verb not in VERBS:
        yield f"events.{key}: there is no event {verb!r}{nearest(verb, VERBS)}"
        return
    fields = TYPES[VERBS[verb]].fields
    if rule.at.constant is not None:
        yield f"events.{key}.at: a time comes from a column"
    for name, values in rule.fields.items():
        if name not in fields:
            yield f"events.{key}: `{verb}` has no field {name!r}{nearest(name, fields)}"
        else:
            yield from (f"events.{key}.{name}: {p}" for p in _field_problems(verb, fields[name], values))
    for name in TYPES[VERBS[verb]].required:
        if name not in rule.fields:
            yield f"events.{key}: `{verb}` needs the field {name!r}"


def _field_problems(verb: str, field: FieldRule, values: tuple[Value, ...]) -> Iterator[str]:
    if len(values) != 1 and field.kind.name != "codes":
        yield "takes one value, not a list"
    for value in values:
        if field.kind.name == "moment":
            if value.constant is not None:
                yield "a time comes from a column"
            continue
        if value.formats is not None or value.time_zone is not None:
            yield "`formats` and `time_zone` belong to times"
        for text in value.results:
            yield from _contract_problems(VERBS[verb], field, text)


def _contract_problems(type_name: str, field: FieldRule, text: str) -> Iterator[str]:
    given = [text] if field.kind.name == "codes" else text
    try:
        DATA_TYPES[type_name].model_validate({field.name: given})
    except ValidationError as error:
        yield from (f"{text!r}: {e['msg']}" for e in error.errors() if e["loc"][0] == field.name)
