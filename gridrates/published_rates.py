"""The published rates as people ask for them: by date, by node of the grid tree, with their definitions.

Reads a connection to the published file (`gridrates.published_client`); writes nothing. Every figure comes
with its numerator and denominator, and is None where nothing was due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from gridrates.errors import InputError, WarehouseError, did_you_mean
from gridrates.profile import BusinessDay

TOTAL = "total"
ALL_WORK = "all"
SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True)
class Indicator:
    """A rate: two columns of the tables of rates, and where its definition comes from."""

    indicator_code: str
    name_zh: str
    name_en: str
    is_headline: bool
    numerator: str
    numerator_zh: str
    numerator_en: str
    denominator: str
    denominator_zh: str
    denominator_en: str
    basis: str
    basis_zh: str
    source: str


@dataclass(frozen=True)
class Node:
    """A node of a grid tree; `depth` 0 is the root."""

    tree: str
    level: str
    code: str
    name_zh: str
    name_en: str
    depth: int


TOTAL_NODE = Node(TOTAL, TOTAL, TOTAL, "合计", "Total", -1)
MEAN_NODE = Node("unit_mean", "unit_mean", "unit_mean", "各单位平均", "Mean of units", -1)


@dataclass(frozen=True)
class Figure:
    """A rate from 0 to 1 with what it was made of; the rate is None where the denominator is 0."""

    numerator: float
    denominator: float
    rate: float | None


@dataclass(frozen=True)
class NodeRates:
    """What happened at a node on a business date; `counts` are the columns of `daily_rates`.

    `figures` are those that are not made of these columns.
    """

    business_date: date
    node: Node
    work_type: str
    held_back_reason: str | None = None
    counts: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)

    def figure(self, indicator: Indicator) -> Figure:
        """The indicator's figure here; without a row, nothing was due."""
        return self.figures.get(indicator.indicator_code) or Figure(
            self.counts.get(indicator.numerator) or 0,
            self.counts.get(indicator.denominator) or 0,
            self.counts.get(indicator.indicator_code),
        )


def know_as_at(connection: duckdb.DuckDBPyConnection, moment: datetime) -> None:
    """Let this connection see the daily rates as they were published at `moment`.

    A moment without an offset is of the connection's time zone. Raises WarehouseError when nothing had been
    published by then.
    """
    connection.execute("SET VARIABLE known_at = ?::VARCHAR::TIMESTAMPTZ", [moment.isoformat()])
    connection.execute((SQL / "rates_as_known_at.sql").read_text(encoding="utf-8"))
    if connection.execute("SELECT 1 FROM daily_rates LIMIT 1").fetchone() is None:
        raise WarehouseError(
            f"Nothing had been published by {moment:%Y-%m-%d %H:%M}.",
            remedy='`gridrates query "SELECT min(published_at) FROM daily_rates_history"` says since when.',
        )


def read_indicators(connection: duckdb.DuckDBPyConnection, *, headline: bool = True) -> list[Indicator]:
    """The indicators in their order: the headline ones, or all."""
    names = Indicator.__dataclass_fields__
    rows = _rows(connection, "read_indicators")
    # A file published by an older version lacks the columns that are newer.
    found = [Indicator(**{name: row.get(name, "") for name in names}) for row in rows]
    return [indicator for indicator in found if indicator.is_headline or not headline]


def read_nodes(connection: duckdb.DuckDBPyConnection, day: date) -> list[Node]:
    """The nodes of the grid trees as drawn on a date: the main tree first, in each the root first."""
    return [Node(**row) for row in _rows(connection, "read_nodes", day=day)]


def last_date(connection: duckdb.DuckDBPyConnection) -> date:
    """The last whole business date on which anything happened. Raises WarehouseError when there is none."""
    row = connection.execute(_text("read_last_date"), {"running": running_date(connection)}).fetchone()
    if row is None or row[0] is None:
        raise WarehouseError(
            "No rates have been published yet: no business date with events is over.",
            remedy="Send events with `gridrates produce`, then `gridrates run`.",
        )
    day: date = row[0]
    return day


def running_date(connection: duckdb.DuckDBPyConnection) -> date:
    """The business date that was running when the file was made: what falls on it may still change."""
    row = connection.execute("SELECT published_at AT TIME ZONE time_zone FROM publication").fetchone()
    assert row is not None
    made_at: datetime = row[0]
    begins = _business_day(connection)
    return (made_at + timedelta(minutes=begins.shift_minutes)).date()


def _business_day(connection: duckdb.DuckDBPyConnection) -> BusinessDay:
    """When a business date of the profile begins, as the file tells it."""
    rows = _rows(connection, "read_business_day") if _has(connection, "conventions") else []
    if not rows:
        return BusinessDay()
    starts_at, named_after = rows[0]["choice"].split()
    return BusinessDay(starts_at=starts_at, named_after=named_after)


def check_covered(connection: duckdb.DuckDBPyConnection, first: date, last: date) -> date:
    """The last date of which anything can be known. Raises InputError when none of the dates asked for lies
    between the first published one and that.

    There a date without figures is one on which nothing was due; beyond, nothing is known.
    """
    running = {"running": running_date(connection)}
    ((begins, ends),) = connection.execute(_text("read_covered"), running).fetchall()
    if begins is not None and (first > ends or last < begins):
        asked = f"{first} is" if first == last else f"{first} to {last} are"
        raise InputError(
            f"{asked} outside what is published: {begins} to {ends}.",
            remedy='Ask for dates within. `gridrates query "FROM published_dates"` lists those with figures.',
        )
    until: date = ends
    return until


def read_held_back(connection: duckdb.DuckDBPyConnection, first: date, last: date) -> dict[date, str]:
    """Why newer figures are held back, by date; of a date that was never published there are no others."""
    rows = _rows(connection, "read_held_back", first=first, last=last)
    return {row["business_date"]: row["held_back_reason"] or "held back" for row in rows}


def drawn_on(connection: duckdb.DuckDBPyConnection) -> date:
    """The date whose drawing of the grid tree is the current one: that of the publication."""
    row = connection.execute(_text("read_drawn_on")).fetchone()
    assert row is not None
    day: date = row[0]
    return day


def choose_nodes(nodes: Sequence[Node], *, level: str | None, code: str | None) -> list[Node]:
    """The nodes asked for: those of a level, the one of a code or name; else the total and what is below.

    Raises InputError naming the levels there are, or the nodes nearest to the one asked for.
    """
    if code:
        return [_node_called(code, nodes, level)]
    if level == TOTAL:
        return [TOTAL_NODE]
    chosen = level or _first_level_of_several(nodes)
    found = [node for node in nodes if node.level == chosen]
    if level and not found:
        levels = ", ".join(dict.fromkeys([TOTAL, *(node.level for node in nodes)]))
        raise InputError(f"There is no level {level!r} in the grid tree.", remedy=f"Choose one of: {levels}.")
    # A community stands in every tree it belongs to; once is enough.
    return [*([] if level else [TOTAL_NODE]), *{node.code: node for node in found}.values()]


def read_work_type(connection: duckdb.DuckDBPyConnection, code: str) -> tuple[str, str]:
    """The names of a kind of work in Chinese and English. Raises InputError naming those there are."""
    known = {
        row["work_type"]: (row["name_zh"], row["name_en"]) for row in _rows(connection, "read_work_types")
    }
    known[ALL_WORK] = ("全部业务", "All work")
    if code not in known:
        raise InputError(
            f"There is no kind of work {code!r}.", remedy=f"Choose one of: {', '.join(sorted(known))}."
        )
    return known[code]


def read_rates(
    connection: duckdb.DuckDBPyConnection,
    nodes: Sequence[Node],
    first: date,
    last: date,
    work_type: str = ALL_WORK,
) -> list[NodeRates]:
    """The rates of the nodes by date, in the order of the nodes; on one date a node without rows stays."""
    rows = _rows(
        connection,
        "read_rates",
        first=first,
        last=last,
        work_type=work_type,
        codes=[node.code for node in nodes],
        levels=[node.level for node in nodes],
    )
    by_place = {(row["business_date"], row["level"], row["code"]): row for row in rows}
    held = read_held_back(connection, first, last)
    days = [first] if first == last else sorted({row["business_date"] for row in rows})
    return [
        NodeRates(day, node, work_type, held.get(day), by_place.get((day, node.level, node.code), {}))
        for day in days
        for node in nodes
        if first == last or (day, node.level, node.code) in by_place
    ]


def read_conventions(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """What the city decided otherwise than by default, in Chinese and English."""
    if not _has(connection, "conventions"):
        return []
    return [(row["name_zh"], row["name_en"]) for row in _rows(connection, "read_conventions")]


def read_unit_means(
    connection: duckdb.DuckDBPyConnection, first: date, last: date, work_type: str = ALL_WORK
) -> list[NodeRates]:
    """The mean of the units' rates by date, where the city assesses the whole by it; else nothing.

    A figure's numerator is the sum of the units' rates, its denominator how many units have one.
    """
    if not _has(connection, "unit_means"):
        return []
    rows = _rows(connection, "read_unit_means", first=first, last=last, work_type=work_type)
    by_day: dict[date, dict[str, Figure]] = {}
    for row in rows:
        figure = Figure(row["rate_sum"], row["unit_count"], row["mean_rate"])
        by_day.setdefault(row["business_date"], {})[row["indicator"]] = figure
    return [NodeRates(day, MEAN_NODE, work_type, figures=figures) for day, figures in by_day.items()]


def _has(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """A file published by an older version lacks the tables that are newer."""
    found = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = $name", {"name": table})
    return found.fetchone() is not None


def _node_called(wanted: str, nodes: Sequence[Node], level: str | None) -> Node:
    candidates = [node for node in (TOTAL_NODE, *nodes) if level in (None, node.level)]
    for node in candidates:
        if wanted in (node.code, node.name_zh, node.name_en):
            return node
    names = [name for node in candidates for name in (node.code, node.name_zh, node.name_en)]
    listed = '`gridrates query "FROM grids"` lists them.'
    raise InputError(f"There is no grid {wanted!r}.", remedy=did_you_mean(wanted, names, otherwise=listed))


def _first_level_of_several(nodes: Sequence[Node]) -> str | None:
    """The highest level of the main tree that divides the whole: the first one with more than one node."""
    main = [node.level for node in nodes if node.tree == nodes[0].tree]
    return next((level for level in main if main.count(level) > 1), None)


def _rows(connection: duckdb.DuckDBPyConnection, name: str, **parameters: Any) -> list[dict[str, Any]]:
    cursor = connection.execute(_text(name), parameters or None)
    columns = [column[0] for column in cursor.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


@cache
def _text(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")
