"""Turns a mapping into the SQL that maps a chunk of rows, and the checks that a row must pass.

Pure: reads the mapping and the contract's rules, writes nothing. Guarantees that every value of the
mapping reaches the SQL as a quoted literal, that columns reach it as c0, c1, ... whatever their names,
and that a row which passes every check gives events that the contract takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from contracts.fields import EARLIEST, LATEST
from contracts.landing_rules import ENVELOPE, TYPES, FieldRule
from producers.mapping import (
    DOTTED_HALF_DAY,
    EPOCH_FORMAT,
    EPOCH_MS_FORMAT,
    HALF_DAYS,
    ISO_FORMAT,
    OWN_FORMATS,
    VERBS,
    Condition,
    EventRule,
    Mapping,
    Value,
    event_type,
)

if TYPE_CHECKING:
    from jinja2 import Template

# A time with its offset; a blank before the offset is common in exports, and so are no seconds, and slashes.
ISO_PATTERN = (
    r"[0-9]{4}(-[0-9]{2}-|/[0-9]{2}/)[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?"
    r" ?([Zz]|UTC|GMT|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)"
)


# A number of more digits than a spreadsheet shows: those it left out are lost.
ROUNDED_PATTERN = r"[0-9](\.[0-9]+)?[Ee]\+[0-9]{2}"
# The steps of a case that follow on each other.
_STEPS = frozenset(
    VERBS[verb]
    for verb in ("reported", "accepted", "filed", "dispatched", "signed", "handled", "closed", "visited")
)
# A format in whose texts day and month could change places; with dots, the day is always first.
_EITHER_ORDER = re.compile(r"%(?P<first>[dm])(?!\.%m)[^%]*%(?!(?P=first))[dm][^%]*%[yY]")


@dataclass(frozen=True)
class Check:
    """A test that a row can fail: what is wrong then, and the columns to look at.

    `test` names a branch of the template's `fails`; `number` is the value tested, `event` the event that
    must be made for the test to matter.
    """

    test: str
    reason: str
    columns: tuple[str, ...]
    number: int = 0
    event: int | None = None
    words: tuple[str, ...] = ()
    pattern: str = ""
    longest: int = 0
    least: float = 0
    most: float = 0


@dataclass(frozen=True)
class Clock:
    """A value that is a time: how it is written and where its clock hangs."""

    number: int
    formats: tuple[str, ...]
    time_zone: str

    @property
    def patterns(self) -> tuple[str, ...]:
        """Those of its formats that are patterns of `strptime`."""
        return tuple(name for name in self.formats if name not in OWN_FORMATS)

    @property
    def tells_instants(self) -> bool:
        """Whether it may be read without a time zone."""
        return not {ISO_FORMAT, EPOCH_FORMAT, EPOCH_MS_FORMAT}.isdisjoint(self.formats)


@dataclass(frozen=True)
class EitherOrder:
    """A time whose `formats` could be read with day and month in the other order, as `swapped`."""

    value: Value
    formats: tuple[str, ...]
    swapped: tuple[str, ...]


@dataclass(frozen=True)
class Field:
    """A field of `data`, and the values it is made of."""

    name: str
    kind: str
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class PlannedEvent:
    """An event of the mapping, ready for the template: `at` is the number of its time."""

    type: str
    opening: str
    at: int
    when: dict[str, Condition]
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Plan:
    """What to do with a row: `columns` are c0, c1, ... of `sql`; `types` its events, in order.

    `empty` are the cells that say nothing. `either_order` are the times to be counted with `day_month_sql`.
    """

    columns: tuple[str, ...]
    empty: frozenset[str]
    types: tuple[str, ...]
    checks: tuple[Check, ...]
    sql: str
    either_order: tuple[EitherOrder, ...] = ()
    day_month_sql: str = ""


def make_plan(mapping: Mapping) -> Plan:
    """The plan of a mapping."""
    return _Planner(mapping).plan()


class _Planner:
    """Numbers the values of a mapping, each once, and notes clocks and checks on the way."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self.values: list[Value] = []
        self.clocks: dict[int, Clock] = {}
        self.checks: list[Check] = []

    def plan(self) -> Plan:
        subject = self.number_of(self.mapping.id)
        self.checks += self.value_checks(self.mapping.id, "id", ENVELOPE["subject"], None)
        self.checks.append(
            Check(
                "rounded",
                "id is a number that a spreadsheet has rounded: export it as text",
                self.mapping.id.columns,
                subject,
            )
        )
        events = [
            self.event(place, key, rule) for place, (key, rule) in enumerate(self.mapping.events.items())
        ]
        self.checks.append(Check("nothing", "the row gives no event: no condition holds", ()))
        columns = self.mapping.columns
        cells = {name: f"c{index}" for index, name in enumerate(columns)}
        sql = _template("map_rows").render(
            values=self.values,
            clocks=list(self.clocks.values()),
            checks=self.checks,
            events=events,
            steps=[place for place, event in enumerate(events) if event.type in _STEPS],
            subject=subject,
            iso_pattern=ISO_PATTERN,
            rounded_pattern=ROUNDED_PATTERN,
            half_days=HALF_DAYS,
            dotted_half_day=DOTTED_HALF_DAY,
            earliest=int(EARLIEST.timestamp()) * 1_000_000,
            latest=int(LATEST.timestamp()) * 1_000_000,
            cells=cells,
        )
        times = self.either_order()
        day_month_sql = _template("day_month").render(
            times=times, cells=cells, half_days=HALF_DAYS, dotted_half_day=DOTTED_HALF_DAY
        )
        types = tuple(event.type for event in events)
        empty = frozenset(("", *self.mapping.empty))
        return Plan(columns, empty, types, tuple(self.checks), sql, times, day_month_sql)

    def either_order(self) -> tuple[EitherOrder, ...]:
        """The times in which day and month could change places; of what a pattern makes nothing is said."""
        found = []
        for clock in self.clocks.values():
            value = self.values[clock.number]
            formats = tuple(name for name in clock.patterns if _EITHER_ORDER.search(name))
            if formats and value.pattern is None and value.map is None:
                found.append(EitherOrder(value, formats, tuple(map(_swapped, formats))))
        return tuple(found)

    def number_of(self, value: Value) -> int:
        if value not in self.values:
            self.values.append(value)
        return self.values.index(value)

    def event(self, place: int, key: str, rule: EventRule) -> PlannedEvent:
        name = event_type(key, rule)
        self.checks += self.value_checks(rule.at, f"the time of `{key}`", ENVELOPE["time"], place)
        fields = tuple(
            self.field(place, key, TYPES[name].fields[field], values) for field, values in rule.fields.items()
        )
        source = json.dumps(self.mapping.source, ensure_ascii=False)
        opening = f'"source":{source},"type":"{name}","subject":'
        return PlannedEvent(name, opening, self.number_of(rule.at), rule.when, fields)

    def field(self, place: int, key: str, rule: FieldRule, values: tuple[Value, ...]) -> Field:
        for value in values:
            self.checks += self.value_checks(value, f"`{rule.name}` of `{key}`", rule, place)
        return Field(rule.name, rule.kind.name, tuple(self.number_of(value) for value in values))

    def value_checks(self, value: Value, what: str, rule: FieldRule, event: int | None) -> Iterator[Check]:
        number = self.number_of(value)
        if rule.kind.name == "moment":
            formats = value.formats or self.mapping.time_formats
            self.clocks[number] = Clock(number, formats, value.time_zone or self.mapping.time_zone)
        if value.constant is not None:
            return
        for check in (*_translation_checks(value, what), *_rule_checks(rule, what)):
            yield replace(check, columns=value.columns, number=number, event=event)


def _translation_checks(value: Value, what: str) -> Iterator[Check]:
    if value.otherwise is not None:
        return
    if value.pattern is not None:
        yield Check("unmatched", f"{what} does not match its pattern", ())
    if value.map is not None:
        yield Check("unknown", f"{what} has no entry in its map", (), words=tuple(value.map))


def _rule_checks(rule: FieldRule, what: str) -> Iterator[Check]:
    kind = rule.kind
    if rule.is_required or rule.is_filled:
        yield Check("empty", f"{what} is empty", ())
    if kind.name == "moment":
        yield Check("unreadable", f"{what} fits none of its formats", ())
        yield Check("era", f"{what} does not lie between 1970 and 2199", ())
        return
    if rule.words:
        yield Check("words", f"{what} is none of {', '.join(rule.words)}", (), words=rule.words)
    if kind.longest is not None:
        yield Check("longest", f"{what} is longer than {kind.longest} characters", (), longest=kind.longest)
    if kind.pattern is not None:
        yield Check("shape", f"{what} is {_SHAPES[kind.name]}", (), pattern=kind.pattern)
    if kind.least is not None and kind.most is not None:
        bounds = f"{kind.least:g} to {kind.most:g}"
        yield Check("bounds", f"{what} is not in {bounds}", (), least=kind.least, most=kind.most)


_NO_CODE = "no code: it holds a quote, a brace, a bracket or a control character, or ends in a blank"
_SHAPES = {
    "code": _NO_CODE,
    "codes": _NO_CODE,
    "flag": "neither true nor false",
    "integer": "not a whole number",
    "number": "not a number",
    "hash": "not a keyed hash of 16 to 128 hexadecimal digits",
}


def _swapped(name: str) -> str:
    """A format with day and month in the other order."""
    return re.sub("%[dm]", lambda found: "%m" if found[0] == "%d" else "%d", name)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _group(pattern: str) -> int:
    """The group a pattern keeps: its first one, or all it matches."""
    return 1 if re.compile(pattern).groups else 0


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context

    environment = Environment(loader=PackageLoader("producers.csv_export", "."), undefined=StrictUndefined)
    environment.filters |= {
        "text": _literal,
        "json": lambda value: json.dumps(value, ensure_ascii=False),
        "group": _group,
        "cell": pass_context(lambda context, column: context["cells"][column]),
    }
    return environment.get_template(f"{name}.sql.j2")
