"""What is expected of each table, as data: `suites/*.yaml`, their `.sql` files, and a profile's additions.

Reads the shipped suites, what transforms declare of the derived tables (the folder is an argument) and a
profile's `expectations.yaml`. Guarantees that every rule is complete, named once in its table, and has
exactly one way of judging. A mistake is an InputError that names file and rule.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gridrates.errors import InputError
from gridrates.profile import explain
from gridrates.yaml_files import read_yaml

FOLDER = Path(__file__).parent / "suites"
# What is expected of every derived table, and of those that carry the indicator family.
DECLARED, FAMILY = "declared", "family"
Severity = Literal["critical", "warning", "info"]
SuiteName = Literal["raw", "core", "marts"]
SUITES: tuple[SuiteName, ...] = ("raw", "core", "marts")
LAYERS: dict[str, SuiteName] = {"raw": "raw", "core": "core", "out": "marts"}

M = TypeVar("M", bound=BaseModel)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Rule(_Entry):
    """One thing that must hold, and what to do when it does not.

    It judges in one of three ways: `where`, a predicate only wrong rows meet; `sql`, a query (the name of a
    file beside the suites, or the text itself) that returns one row for each thing that is wrong; `expect`,
    one of Great Expectations' own with its `kwargs`. `key` and `dates` are columns of the wrong rows: what
    names one, and the business dates it spoils; by default those of the table. `with` gives an SQL file its
    particulars. A rule that names a value that is null is switched off.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    severity: Severity
    zh: str
    en: str
    remedy: str
    where: str | None = None
    sql: str | None = None
    expect: str | None = Field(None, pattern=r"^expect_[a-z_]+$")
    kwargs: dict[str, Any] = {}
    particulars: dict[str, Any] = Field({}, alias="with")
    key: tuple[str, ...] | None = None
    dates: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _judges_once(self) -> Rule:
        ways = [way for way in (self.where, self.sql, self.expect) if way is not None]
        if len(ways) != 1:
            raise ValueError("a rule has exactly one of where, sql and expect")
        if self.kwargs and self.expect is None:
            raise ValueError("kwargs belong to expect")
        return self


class SuiteFile(_Entry):
    """A shipped `suites/<table>.yaml`.

    A row spoils the business dates in its columns `dates` (by default all that hold one), or every date
    from the first to the second column of `span`.
    """

    key: tuple[str, ...] | None = None
    dates: tuple[str, ...] | None = None
    span: tuple[str, str] | None = None
    parameters: dict[str, Any] = {}
    rules: tuple[Rule, ...]


class Additions(_Entry):
    """A profile's `expectations.yaml`: other values of parameters, and rules of its own by table."""

    parameters: dict[str, Any] = {}
    tables: dict[str, tuple[Rule, ...]] = {}


class _Declaration(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    grain: tuple[str, ...]
    replace_by: str = ""
    public_name: str | None = None
    family: bool = False
    columns: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True)
class Family:
    """The indicator family: measures and rates by code, as `indicators.yaml` declares them."""

    measures: dict[str, dict[str, Any]] = field(default_factory=dict)
    indicators: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def shares(self) -> dict[str, dict[str, Any]]:
        """The indicators that lie between 0 and 1."""
        return {code: says for code, says in self.indicators.items() if says.get("share", True)}

    @cached_property
    def parts(self) -> list[tuple[str, str]]:
        """Pairs of measures (part, whole): a share's, and what of one cohort is done, on time, due."""
        counted: dict[str, dict[str, str]] = {}
        for code, measure in self.measures.items():
            counted.setdefault(measure["cohort"], {})[measure["count"]] = code
        pairs = {(says["numerator"], says["denominator"]): None for says in self.shares.values()}
        for cohort in counted.values():
            for part, whole in (("done", "due"), ("on_time", "done"), ("on_time", "due")):
                if part in cohort and whole in cohort:
                    pairs[cohort[part], cohort[whole]] = None
        return list(pairs)

    def column_types(self) -> dict[str, str]:
        """The columns the family adds to a table."""
        counts = {c: "DOUBLE" if m["count"] == "points" else "BIGINT" for c, m in self.measures.items()}
        return counts | dict.fromkeys(self.indicators, "DOUBLE")


@dataclass(frozen=True)
class TableSuite:
    """All that is expected of one table. `columns` are declared names and types; empty when undeclared."""

    table: str
    key: tuple[str, ...]
    dates: tuple[str, ...] | None
    rules: tuple[tuple[Rule, Path], ...]
    columns: dict[str, str] = field(default_factory=dict)
    family: Family | None = None
    span: tuple[str, str] | None = None

    @property
    def suite(self) -> SuiteName:
        """The suite the table belongs to, by the prefix of its layer."""
        return LAYERS[self.table.partition("_")[0]]

    def date_columns(self, columns: Mapping[str, str]) -> tuple[str, ...]:
        """Which of the table's columns, as they are in the file, say what business dates a row counts on."""
        if self.dates is not None:
            return self.dates
        return tuple(
            c for c, t in columns.items() if t == "DATE" and (c.endswith("_on") or c == "business_date")
        )


@dataclass(frozen=True)
class Catalogue:
    """The suites of all tables, and the values of the parameters their rules read."""

    tables: dict[str, TableSuite]
    parameters: dict[str, Any]

    def of(self, suite: str) -> tuple[TableSuite, ...]:
        """The tables of one suite. Raises InputError when there is no such suite."""
        if suite not in SUITES:
            raise InputError(f"There is no suite {suite!r}.", remedy=f"Name one of: {', '.join(SUITES)}.")
        return tuple(t for t in self.tables.values() if t.suite == suite)


def load_catalogue(*, declarations: Path | None = None, additions: Path | None = None) -> Catalogue:
    """Everything that is expected.

    `declarations` is the folder with `models/<table>/table.yaml` and `indicators.yaml`; without it there are
    no derived tables. `additions` is a profile's `expectations.yaml`, which may be absent. Raises InputError
    naming the file and rule that is wrong.
    """
    shipped = shipped_suites()
    common = {name: shipped.pop(name) for name in (DECLARED, FAMILY)}
    tables = {t.table: t for t in _declared_tables(declarations, common, shipped)} if declarations else {}
    parameters: dict[str, Any] = {}
    for name, (file, path) in shipped.items():
        parameters |= file.parameters
        if name in tables or LAYERS[name.partition("_")[0]] == "raw":
            tables[name] = _merged(tables.get(name), file, path)
    return _extended(Catalogue(tables, parameters), additions, raw_only=declarations is None)


def shipped_suites() -> dict[str, tuple[SuiteFile, Path]]:
    """The suites of the program, by table, and those of every derived table and of the family."""
    return {path.stem: (_shipped(path, SuiteFile), path) for path in sorted(FOLDER.glob("*.yaml"))}


@cache
def _family(path: Path) -> Family:
    content = read_yaml(path)
    return Family(content["measures"], content["indicators"])


def _declared_tables(
    folder: Path, common: dict[str, tuple[SuiteFile, Path]], shipped: Container[str]
) -> Iterator[TableSuite]:
    """What is expected of the tables that transforms make, as far as they are published or have a suite.

    A view is as right as what it shows: of one, only what its own suite says.
    """
    family = _family(folder / "indicators.yaml")
    for path in sorted((folder / "models").glob("*/table.yaml")):
        name, table = path.parent.name, _shipped(path, _Declaration)
        files = [common[DECLARED], *([common[FAMILY]] if table.family else [])]
        if table.replace_by == "view":
            files = []
        if table.public_name or name in shipped:
            rules = tuple((rule, origin) for file, origin in files for rule in file.rules)
            yield _declared(name, table, rules, family if table.family else None)


def _declared(
    name: str, table: _Declaration, rules: tuple[tuple[Rule, Path], ...], family: Family | None
) -> TableSuite:
    types = {column: str(says.get("type", "")) for column, says in table.columns.items()}
    types |= family.column_types() if family else {}
    return TableSuite(name, table.grain, None, rules, types if table.columns else {}, family)


def _merged(declared: TableSuite | None, file: SuiteFile, path: Path) -> TableSuite:
    """A shipped suite, behind what its declaration expects."""
    base = declared or TableSuite(path.stem, (), None, ())
    rules = _named_once((*base.rules, *((rule, path) for rule in file.rules)), path.stem)
    dates = base.dates if file.dates is None else file.dates
    return replace(base, key=file.key or base.key, dates=dates, span=file.span, rules=rules)


def _extended(catalogue: Catalogue, path: Path | None, *, raw_only: bool) -> Catalogue:
    """The catalogue with a profile's additions; those to derived tables are left where there are none."""
    if path is None or not path.exists():
        return catalogue
    added = _parse(path, Additions)
    given = [t for t in added.tables if t.startswith("raw_") or not raw_only]
    _known(given, catalogue.tables, path, "table")
    _known(added.parameters, catalogue.parameters, path, "parameter")
    tables = {
        name: replace(
            table,
            rules=_named_once((*table.rules, *((rule, path) for rule in added.tables.get(name, ()))), name),
        )
        for name, table in catalogue.tables.items()
    }
    return Catalogue(tables, catalogue.parameters | added.parameters)


def _known(given: Iterable[str], known: Iterable[str], path: Path, what: str) -> None:
    if unknown := sorted(set(given) - set(known)):
        raise InputError(
            f"{path}: there is no {what} {', '.join(unknown)} to check.",
            remedy=f"Name one of: {', '.join(sorted(known))}.",
        )


def _named_once(rules: Sequence[tuple[Rule, Path]], table: str) -> tuple[tuple[Rule, Path], ...]:
    seen: set[str] = set()
    for rule, path in rules:
        if rule.name in seen:
            raise InputError(
                f"{path}: {table} has a rule {rule.name} already.", remedy="Give it another name."
            )
        seen.add(rule.name)
    return tuple(rules)


@cache
def _shipped(path: Path, model: type[M]) -> M:
    """A file of the program, which does not change while it runs."""
    return _parse(path, model)


def _parse(path: Path, model: type[M]) -> M:
    try:
        return model.model_validate(read_yaml(path))
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error)}.", remedy="Mend the keys named and try again.") from error
