"""Reference data: a profile's trees, units, categories, limits and calendar as tables.

Reads a profile; replaces the `core_` reference tables in the live file, in the caller's transaction.
Guarantees that each grid code has exactly one path of ancestors on every date: a path is a stretch of
dates in which neither the node nor any of its ancestors, in any tree, was re-drawn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from gridrates.arrow_stream import ArrowStream
from gridrates.errors import InputError
from gridrates.profile import Grid, Limit, Profile
from transforms.calendar import Day, Tile, WorkingCalendar
from transforms.composites import chosen_composites
from transforms.conventions import conventions

SCHEMA = Path(__file__).parent / "reference.sql"
ALWAYS_FROM, ALWAYS_TO = date(1, 1, 1), date(9999, 12, 31)


class PathNode(NamedTuple):
    """A node on a grid code's way up to a tree's root."""

    path_id: str
    grid_code: str
    valid_from: date
    valid_to: date
    tree: str
    level: str
    code: str


def load_reference(connection: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Replace the reference tables. Raises InputError when the grid tree has a cycle or a lost parent."""
    connection.execute(SCHEMA.read_text(encoding="utf-8"))
    _fill(connection, "core_grid", [_dump(g) for g in profile.grids])
    _fill(connection, "core_unit", [_dump(u) for u in profile.units])
    _fill(connection, "core_category", [_dump(c) for c in profile.categories])
    _fill(connection, "core_limit", _limits(profile.limits))
    _fill(connection, "core_composite", _composites(profile))
    _fill(connection, "core_response_band", _response_bands(profile))
    _fill(connection, "core_convention", [each._asdict() for each in conventions(profile)])
    for table, key, names in (
        ("core_work_type", "work_type", profile.work_types),
        ("core_channel", "channel", profile.channels),
    ):
        _fill(connection, table, [{key: code, **name.model_dump()} for code, name in names.items()])
    _load_paths(connection, profile.grids)
    _load_calendar(connection, profile)


def grid_paths(grids: Sequence[Grid]) -> list[PathNode]:
    """Every grid code's paths: one row a path and node on it, roots included, the code itself included."""
    by_code: dict[str, list[Grid]] = defaultdict(list)
    for grid in grids:
        by_code[grid.grid_code].append(grid)
    rows: list[PathNode] = []
    for code in by_code:
        cuts = sorted(_cuts(code, by_code, frozenset()))
        for valid_from, valid_to in pairwise(cuts):
            # Two trees may meet above a code: a node that both lead to is on the way once, of the first tree.
            ways = reversed(list(_chain(code, by_code, valid_from)))
            chain = {(level, above): (tree, level, above) for tree, level, above in ways}.values()
            path_id = f"{code}@{valid_from.isoformat()}" if len(cuts) > 2 else code
            rows += [PathNode(path_id, code, valid_from, valid_to, *node) for node in chain]
    return rows


def _cuts(code: str, by_code: dict[str, list[Grid]], seen: frozenset[str]) -> set[date]:
    """The dates at which the way from a code to its roots may change."""
    if code in seen:
        raise InputError(
            f"grids.csv: the tree runs in a circle through {code}.",
            remedy="Mend the parent_code of one of its nodes.",
        )
    if code not in by_code:
        child = next((g.grid_code for rows in by_code.values() for g in rows if g.parent_code == code), "?")
        raise InputError(
            f"grids.csv: {child} names the parent {code}, which has no row.",
            remedy=f"Add a row for {code}, or mend the parent_code of {child}.",
        )
    cuts: set[date] = set()
    for grid in by_code[code]:
        begin, end = grid.valid_from or ALWAYS_FROM, grid.valid_to or ALWAYS_TO
        cuts |= {begin, end}
        if grid.parent_code:
            above = _cuts(grid.parent_code, by_code, seen | {code})
            cuts |= {cut for cut in above if begin < cut < end}
    return cuts


def _chain(code: str, by_code: dict[str, list[Grid]], on: date) -> Iterable[tuple[str, str, str]]:
    """(tree, level, code) of the node and its ancestors on a date, in every tree one of them stands in."""
    for grid in by_code[code]:
        if (grid.valid_from or ALWAYS_FROM) <= on < (grid.valid_to or ALWAYS_TO):
            yield grid.tree, grid.level, code
            if grid.parent_code:
                yield from _chain(grid.parent_code, by_code, on)


def _load_paths(connection: duckdb.DuckDBPyConnection, grids: Sequence[Grid]) -> None:
    nodes = grid_paths(grids)
    paths = {(n.path_id, n.grid_code, n.valid_from, n.valid_to) for n in nodes}
    _fill(
        connection,
        "core_grid_path",
        [
            dict(zip(("path_id", "grid_code", "valid_from", "valid_to"), p, strict=True))
            for p in sorted(paths)
        ],
    )
    placed = {(n.path_id, n.tree, n.level, n.code) for n in nodes}
    placed |= {
        (path_id, "total", "total", "total") for path_id in {n.path_id for n in nodes} | {"unassigned"}
    }
    placed.add(("unassigned", "unassigned", "unassigned", "unassigned"))
    _fill(
        connection,
        "core_grid_path_node",
        [dict(zip(("path_id", "tree", "level", "code"), p, strict=True)) for p in sorted(placed)],
    )


def _limits(limits: Sequence[Limit]) -> list[dict[str, Any]]:
    """Each limit with its scope. A category without a row of its own takes its first condition's."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for limit in sorted(limits, key=lambda x: x.condition_no or 0):
        row = _dump(limit)
        if limit.category_code:
            scope = "condition" if limit.condition_no else "category"
            rows[scope, limit.category_system, limit.category_code, limit.condition_no] = row | {
                "scope": scope
            }
            rows.setdefault(
                ("category", limit.category_system, limit.category_code, None),
                row | {"scope": "category", "condition_no": None},
            )
        else:
            scope = "work_type" if limit.work_type else "default"
            rows[scope, limit.work_type] = row | {"scope": scope}
    return list(rows.values())


def _composites(profile: Profile) -> list[dict[str, Any]]:
    return [
        {"composite": name, "name_zh": each.zh, "name_en": each.en, "source": each.source}
        for name, each in chosen_composites(profile).items()
    ]


def _response_bands(profile: Profile) -> list[dict[str, Any]]:
    return [
        {
            "work_type": work_type,
            "position": position,
            "name_zh": band.zh,
            "name_en": band.en,
            "since_verb": band.since,
            "until_verb": band.until,
            "limit_seconds": band.seconds,
        }
        for work_type, bands in profile.response_bands.items()
        for position, band in enumerate(bands, start=1)
    ]


def _load_calendar(connection: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    days, tiles = _calendar_tables(WorkingCalendar(profile.calendar, profile.time_zone))
    _insert(connection, "core_calendar", days)
    _insert(connection, "core_working_clock", tiles)


@cache
def _calendar_tables(clock: WorkingCalendar) -> tuple[pa.Table, pa.Table]:
    """Days and tiles; kept, because a calendar takes a second to unroll and never changes."""
    days, tiles = zip(*clock.days(), strict=True), zip(*clock.tiles(), strict=True)
    return (
        pa.table(dict(zip(Day._fields, map(list, days), strict=True))),
        pa.table(dict(zip(Tile._fields, map(list, tiles), strict=True))),
    )


def _dump(row: Grid | Limit | Any) -> dict[str, Any]:
    return dict(row.model_dump())


def _fill(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    """Insert rows by column name; an empty list leaves the table empty."""
    if rows:
        _insert(connection, table, pa.Table.from_pylist(rows))


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    connection.register("reference_rows", ArrowStream(rows))
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM reference_rows")
    connection.unregister("reference_rows")
