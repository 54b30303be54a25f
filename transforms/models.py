"""The SQL models: one folder a table, `query.sql` and `table.yaml`, in the order they need one another.

Reads `transforms/models/`. Guarantees that what it returns is in dependency order (as DuckDB's own parser
reads the rendered SQL) and that every model's columns and types are declared.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Literal

import duckdb
import jinja2
from pydantic import BaseModel, ConfigDict

from gridrates.profile import Profile
from gridrates.yaml_files import read_yaml
from transforms.calendar import HOUR, steady_offset
from transforms.composites import chosen_composites
from transforms.indicators import load_indicators

ROOM = Path(__file__).parent
FOLDER = ROOM / "models"
# Every model may use every macro of macros.sql.j2 by its bare name.
PREAMBLE = """{% from 'macros.sql.j2' import latest, standing_events, business_date, local_date,
  clock_at, worked, clock_reaches, instant_of, desk_clock, desk_deadline, desk_is_beyond, rounded
  with context %}"""
PERIODS = ("day", "week", "month", "quarter", "half_year", "year", "assessment_month")
# Counts that are compared between periods, beside the headline rates.
COMPARED = ("reported_count", "valid_count", "filed_count", "closed_count")
UNIT_MICROS = {"minute": HOUR // 60, "hour": HOUR, "day": 24 * HOUR}


class Column(BaseModel):
    """A column: its DuckDB type and what it means in both languages; an internal one is not published."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str
    zh: str
    en: str
    unit: str = ""
    formula: str = ""
    source: str = ""
    internal: bool = False


class Table(BaseModel):
    """What `table.yaml` declares.

    `replace_by` says how a model is brought up to date: the rows of touched cases are made again
    (`case_id`), or made for the cases that are being folded and not kept (`passing`); what changed is added
    to the counts (`change`), and to the counts that rates are made of (by `business_date` or by `period`);
    what ranks members is made again for changed periods; everything is, whenever rates are computed
    (`moment`) or only in a full rebuild (`all`); a view has nothing to bring up to date. The SQL knows of
    none of this. `family` adds the columns of the indicator family behind the declared ones, `adds` whole
    numbers that rates are made of: the counts kept day by day, or the measures.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: str
    en: str
    grain: tuple[str, ...]
    replace_by: Literal["case_id", "passing", "change", "business_date", "period", "moment", "all", "view"]
    dimension: str | None = None
    public_name: str | None = None
    zh_name: str | None = None
    family: bool = False
    adds: Literal["counts", "measures"] | None = None
    columns: dict[str, Column]


@dataclass(frozen=True)
class Model:
    """A table and the SQL that makes it; `sql` and `needs` are empty until it is rendered for a profile."""

    name: str
    table: Table
    sql: str = ""
    needs: frozenset[str] = frozenset()

    @property
    def columns(self) -> dict[str, Column]:
        """Declared columns, then those of the indicator family."""
        added = {"counts": _count_columns, "measures": _measure_columns}
        return (
            self.table.columns
            | (added[self.table.adds]() if self.table.adds else {})
            | (_family_columns() if self.table.family else {})
        )


def declared_models() -> list[Model]:
    """Every model's name, declaration and columns, without its SQL."""
    return [Model(folder.name, load_table(folder.name)) for folder in sorted(FOLDER.iterdir())]


@lru_cache(maxsize=16)
def load_models(profile: Profile, *, as_of: datetime, as_of_date: date) -> list[Model]:
    """All models, rendered for a profile and a statistics moment, each behind those it reads."""
    graph = tables_read(profile)
    order = TopologicalSorter({name: needs & graph.keys() for name, needs in graph.items()}).static_order()
    how = {"as_of": as_of, "as_of_date": as_of_date}
    return [Model(name, load_table(name), render(name, profile, **how), graph[name]) for name in order]


@lru_cache(maxsize=16)
def tables_read(profile: Profile) -> dict[str, frozenset[str]]:
    """What each model reads. The same at every moment, so that the SQL need be parsed once only."""
    moment = {"as_of": datetime(2000, 1, 1, tzinfo=UTC), "as_of_date": date(2000, 1, 1)}
    texts = {folder.name: render(folder.name, profile, **moment) for folder in sorted(FOLDER.iterdir())}
    with duckdb.connect() as parser:
        return {name: frozenset(parser.get_table_names(text)) for name, text in texts.items()}


@cache
def load_table(name: str) -> Table:
    """A model's `table.yaml`."""
    return Table.model_validate(read_yaml(FOLDER / name / "table.yaml"))


def render(name: str, profile: Profile, **how: Any) -> str:
    """A model's SQL for a profile."""
    return _render(f"{FOLDER.name}/{name}/query.sql", profile, **how)


def render_recount(
    profile: Profile, *, first: date, last: date, running: date, whole: bool, drawn_on: date | None = None
) -> str:
    """SQL for the rates of nodes from `first` to `last`, counted again from `core_cohort_member`.

    `whole` makes one figure of the span, under its last date; otherwise each date has its own. `drawn_on`
    takes the grid tree as it was drawn on that date, instead of on each case's own. What falls due after the
    `running` business date is left out.
    """
    how = {"first": first, "last": last, "running": running, "whole": whole, "drawn_on": drawn_on}
    return _render("recount.sql.j2", profile, **how)


def render_added(profile: Profile, model: Model, mart: str) -> str:
    """SQL for the rows of a mart of rates to which the counts of the table `rates_change` are added.

    `mart` is the qualified name of the mart as it is now. Rows that come to nothing are left out.
    """
    family = load_indicators()
    others = [name for name in model.columns if name not in family.measures and name not in family.indicators]
    return _render("added.sql.j2", profile, mart=mart, grain=model.table.grain, others=others)


def _source(name: str) -> str:
    """A template's text; before a model's stand the macros."""
    text = (ROOM / name).read_text(encoding="utf-8")
    return PREAMBLE + text if name.startswith(f"{FOLDER.name}/") else text


@cache
def _environment() -> jinja2.Environment:
    """Keeps compiled templates: compiling takes longer than rendering."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_source), undefined=jinja2.StrictUndefined, autoescape=False
    )
    family = load_indicators()
    # What a profile names may hold a quote.
    environment.filters["text"] = _sql_text
    environment.globals |= {
        "cohorts": family.cohorts,
        "counts": family.counts,
        "measures": family.measures,
        "indicators": family.indicators,
        "figures": [*COMPARED, *(code for code, rate in family.indicators.items() if rate.headline)],
        "periods": PERIODS,
        "unit_micros": UNIT_MICROS,
        "hour_micros": HOUR,
    }
    return environment


def _sql_text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _render(template: str, profile: Profile, **how: Any) -> str:
    """A template's text for a profile."""
    return (
        _environment()
        .get_template(template)
        .render(
            profile=profile,
            default_category_system=profile.categories[0].category_system if profile.categories else "",
            composites=chosen_composites(profile),
            steady_offset=steady_offset(profile.time_zone),
            **how,
        )
    )


@cache
def _count_columns() -> dict[str, Column]:
    """What is kept of the cohorts day by day; points in ten-thousandths."""
    family = load_indicators()
    words = {
        "due": ("应办数", "fell due (or happened) on the date"),
        "on_time": ("按时数", "of these, done on time"),
        "points": ("得分合计", "sum of points, in ten-thousandths"),
    }
    return {
        count.column: Column(
            type="BIGINT",
            zh=f"{family.cohorts[count.cohort].zh}{words[count.of][0]}",
            en=f"{family.cohorts[count.cohort].en}: {words[count.of][1]}",
        )
        for count in family.counts
    }


@cache
def _measure_columns() -> dict[str, Column]:
    """The measures as whole numbers; points in ten-thousandths."""
    return {
        code: Column(type="BIGINT", zh=measure.zh, en=measure.en)
        for code, measure in load_indicators().measures.items()
    }


@cache
def _family_columns() -> dict[str, Column]:
    family = load_indicators()
    counts = {
        code: Column(
            type="DOUBLE" if m.count == "points" else "BIGINT",
            zh=m.zh,
            en=m.en,
            unit="points" if m.count == "points" else "count",
            formula=family.cohorts[m.cohort].basis,
        )
        for code, m in family.measures.items()
    }
    rates = {
        code: Column(
            type="DOUBLE",
            zh=r.zh,
            en=r.en,
            unit="0-1" if r.share else "ratio",
            formula=family.formula(code, "zh"),
            source=r.source,
        )
        for code, r in family.indicators.items()
    }
    return counts | rates
