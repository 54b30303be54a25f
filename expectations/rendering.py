"""Rules as SQL: the words of a suite, filled in for one check.

Reads the suites' templates and what the check is about; touches no data. Guarantees that a rule's predicate
or query is one text, which the expectation and the quarantine share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import jinja2.meta
import jinja2.nativetypes

from contracts import personal_data
from contracts.events import DATA_TYPES
from contracts.landing_rules import COLUMNS, ENVELOPE, TYPES
from expectations.suites import FOLDER, Rule, TableSuite
from gridrates.errors import InputError

OWN_SQL = Path(__file__).parent / "sql"


def ident(name: str) -> str:
    """A name as SQL."""
    return '"' + str(name).replace('"', '""') + '"'


def literal(text: object) -> str:
    """A text as SQL."""
    return "'" + str(text).replace("'", "''") + "'"


@dataclass(frozen=True)
class Prepared:
    """A rule ready to run. Exactly one of `where`, `query` and `expect` is set.

    `key` and `dates` are the columns of its wrong rows that name them and say which business dates they
    spoil, `span` two columns between which they spoil every date; without either they spoil everything.
    """

    table: str
    rule: Rule
    origin: Path
    key: tuple[str, ...]
    dates: tuple[str, ...]
    span: tuple[str, str] | None = None
    where: str | None = None
    query: str | None = None
    expect: str | None = None
    kwargs: Mapping[str, Any] | None = None

    @property
    def rows_query(self) -> str | None:
        """The query that finds the wrong rows; None where Great Expectations has to tell."""
        if self.where is not None:
            return f"SELECT * FROM {ident(self.table)} WHERE {self.where}"
        return self.query

    def broken(self, why: object) -> InputError:
        """The error to raise when the rule itself does not work."""
        return broken(self.rule, self.table, self.origin, why)


@dataclass(frozen=True)
class Circumstances:
    """What a check is about.

    `columns` are those of each table in the file, with their DuckDB types; `scoped` are the tables that are
    hidden behind their rows that changed.
    """

    catalog: str
    columns: Mapping[str, Mapping[str, str]]
    parameters: Mapping[str, Any]
    as_of_date: date
    checked_at: datetime
    scoped: frozenset[str] = frozenset()

    def everything(self, table: str) -> str:
        """The whole of a table, whatever the check is limited to."""
        return f'{ident(self.catalog)}."main".{ident(table)}'


def broken(rule: Rule, table: str, origin: Path, why: object) -> InputError:
    """The error to raise when a rule itself does not work."""
    return InputError(
        f"{origin}: the rule {rule.name} of {table} does not work: {why}.",
        remedy="Mend the rule; nothing was judged.",
    )


def own_sql(name: str, **values: Any) -> str:
    """A statement of the gate itself, `sql/<name>.sql`, filled in."""
    return _template((OWN_SQL / f"{name}.sql").read_text(encoding="utf-8")).render(**values)


def prepare(suite: TableSuite, around: Circumstances) -> list[Prepared]:
    """The rules of a table that apply, ready to run. Raises InputError when one cannot be filled in."""
    context = _context(suite, around)
    dates = suite.date_columns(around.columns.get(suite.table, {}))
    found = (_prepared(rule, origin, replace(suite, dates=dates), context) for rule, origin in suite.rules)
    return [prepared for prepared in found if prepared is not None]


def _prepared(rule: Rule, origin: Path, suite: TableSuite, context: dict[str, Any]) -> Prepared | None:
    fill = _Filler(origin.parent, context, rule.particulars)
    try:
        if fill.is_off(rule):
            return None
        return Prepared(
            table=suite.table,
            rule=rule,
            origin=origin,
            key=suite.key if rule.key is None else rule.key,
            dates=(suite.dates or ()) if rule.dates is None else rule.dates,
            span=suite.span if rule.dates is None else None,
            where=fill.text(rule.where),
            query=fill.text(rule.sql),
            expect=rule.expect,
            kwargs=fill.native(rule.kwargs),
        )
    except (jinja2.TemplateError, OSError) as error:
        raise broken(rule, suite.table, origin, error) from error


def parse(rule: Rule, origin: Path) -> None:
    """Parse the templates of a rule, kept for the checks of this process and its children."""
    fill = _Filler(origin.parent, {}, {})
    for text in fill.sources(rule):
        _names(text)
    for sql in (rule.where, rule.sql):
        if sql is not None:
            _template(fill.source(sql))


def parse_own_sql() -> None:
    """The same for the statements of the gate itself."""
    for path in OWN_SQL.glob("*.sql"):
        _template(path.read_text(encoding="utf-8"))


def macros() -> str:
    """The macros of the rules on personal data."""
    return own_sql(
        "macros",
        kinds=personal_data.KINDS,
        screen=personal_data.SCREEN,
        dated_number=personal_data.DATED_NUMBER,
        full_width=personal_data.FULL_WIDTH,
        half_width=personal_data.HALF_WIDTH,
    )


def _context(suite: TableSuite, around: Circumstances) -> dict[str, Any]:
    """Every value a rule of the table may name."""
    columns = around.columns.get(suite.table, {})
    family = suite.family
    return {
        **around.parameters,
        "table": suite.table,
        "key": suite.key,
        "columns": columns,
        "declared": suite.columns or None,
        "words": _words(columns),
        "day": "business_date" if "business_date" in columns else None,
        "measures": family.measures if family else None,
        "indicators": family.indicators if family else None,
        "shares": family.shares if family else None,
        "parts": family.parts if family else None,
        "contract": _contract(),
        "everything": around.everything,
        "as_of_date": f"DATE {literal(around.as_of_date)}",
        "checked_at": f"TIMESTAMPTZ {literal(around.checked_at.isoformat())}",
        "is_scoped": suite.table in around.scoped,
    }


def _words(columns: Mapping[str, str]) -> str | None:
    """All text of a row in one expression, without names of things and keyed hashes: those may be digits."""
    names = [
        name for name, kind in columns.items() if kind == "VARCHAR" and not name.endswith(("_id", "_hash"))
    ]
    if not names:
        return None
    columns_of_text = f"concat_ws(' ', {', '.join(ident(name) for name in names if name != 'payload')})"
    # The payload is all an event said; the columns beside it say nothing else.
    return f"coalesce(payload, {columns_of_text})" if "payload" in names else columns_of_text


@cache
def _contract() -> dict[str, Any]:
    """What the event contract says of the raw layer: columns with types, closed lists, required fields."""
    # Several types may use one column, each with words of its own, as they do `outcome`.
    words: dict[str, list[str]] = {}
    for rule in (rule for of_type in TYPES.values() for rule in of_type.fields.values()):
        words.setdefault(rule.column, []).extend(rule.words)
    return {
        "columns": {f.column: f.kind.sql_type for f in ENVELOPE.values()}
        | {c.name: c.kind.sql_type for c in COLUMNS.values()},
        "event_types": list(DATA_TYPES),
        "required": {name: rule.required for name, rule in TYPES.items() if rule.required},
        "words": {column: dict.fromkeys(listed) for column, listed in words.items() if listed},
    }


class _Filler:
    """Fills in the templates of one rule."""

    def __init__(self, folder: Path, context: dict[str, Any], particulars: Mapping[str, Any]) -> None:
        self.folder = folder
        self.context = context
        self.context = context | self.native(dict(particulars))

    def is_off(self, rule: Rule) -> bool:
        """Whether the rule names a value that this table, or this profile, does not have."""
        names = {name for text in self.sources(rule) for name in _names(text)}
        return any(name in self.context and self.context[name] is None for name in names)

    def sources(self, rule: Rule) -> list[str]:
        """Every template of a rule."""
        return [
            rule.where or "",
            self.source(rule.sql),
            *_strings(rule.kwargs),
            *_strings(rule.particulars),
        ]

    def text(self, source: str | None) -> str | None:
        """SQL, filled in."""
        if source is None:
            return None
        return str(_template(self.source(source)).render(self.context)).strip().rstrip(";")

    def native(self, value: Any) -> Any:
        """A value of YAML, filled in: a text that is a template becomes what it evaluates to."""
        if isinstance(value, str):
            return self._evaluated(value) if "{{" in value else value
        if isinstance(value, Mapping):
            return {k: self.native(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.native(v) for v in value]
        return value

    def _evaluated(self, source: str) -> Any:
        found = _native_template(source).render(self.context)
        # A name that is not there comes back as it is; only its text says so.
        return str(found) if isinstance(found, jinja2.Undefined) else found

    def source(self, sql: str | None) -> str:
        """The text of a rule: of the file it names, beside its suite or among the shipped ones, or itself."""
        if sql is None or not sql.endswith(".sql"):
            return sql or ""
        beside = self.folder / sql
        return (beside if beside.exists() else FOLDER / sql).read_text(encoding="utf-8")


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [s for v in value.values() for s in _strings(v)]
    return [s for v in value for s in _strings(v)] if isinstance(value, list) else []


@cache
def _environment(kind: type[jinja2.Environment]) -> jinja2.Environment:
    environment = kind(
        # What statements of rules have in common.
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"ident": ident, "literal": literal}
    return environment


@cache
def _template(source: str) -> jinja2.Template:
    return _environment(jinja2.Environment).from_string(source)


@cache
def _native_template(source: str) -> jinja2.Template:
    return _environment(jinja2.nativetypes.NativeEnvironment).from_string(source)


@cache
def _names(source: str) -> frozenset[str]:
    """The values a template asks for."""
    return frozenset(jinja2.meta.find_undeclared_variables(_environment(jinja2.Environment).parse(source)))
