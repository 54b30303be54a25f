"""Checks the registers of a profile: what is well-formed and still cannot be right.

Reads a profile's folder; writes nothing. Guarantees that every finding names the file, the line and what to
do about it. An error would spoil figures; a warning may be meant. What cannot be read at all is an
InputError of `gridrates.profile`.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations, pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from contracts.events import CASE_TYPES
from gridrates.profile import (
    Category,
    Composite,
    Grid,
    Limit,
    Lists,
    Profile,
    Session,
    Unit,
    load_profile,
)
from gridrates.yaml_files import yaml_line

Severity = Literal["error", "warning"]
# Words that the figures use for their own rows.
RESERVED = ("total", "unassigned")
CASE_VERBS = tuple(case.type.split(".")[2] for case in CASE_TYPES)
ALL_WORK_TYPES = "all"
# 6 digits of the district, 3 of the street, 3 of the community.
AREA_STEPS = (6, 9, 12)


@dataclass(frozen=True)
class Finding:
    """Something in a profile that is wrong, or looks so."""

    severity: Severity
    place: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.place}: {self.message}. {self.remedy}"


class _Node(NamedTuple):
    """A row of a tree, whatever the register."""

    code: str
    parent: str | None
    begins: date
    ends: date
    tree: str
    line: int


def check_profile(folder: Path) -> list[Finding]:
    """Every finding in a profile's files, in the order of the files. Raises InputError."""
    profile = load_profile(str(folder))
    return [
        *(_with_line(folder, f) for f in _settings(profile)),
        *(_with_line(folder, f) for f in _sessions(profile.calendar.sessions)),
        *(_with_line(folder, f) for f in _composites(profile)),
        *(_with_line(folder, f) for f in _score_lists(profile)),
        *(_with_line(folder, f) for f in _response_bands(profile)),
        *_grids(profile.grids, _lines(folder / "grids.csv")),
        *_units(profile.units, _lines(folder / "units.csv")),
        *_categories(profile.categories, _lines(folder / "categories.csv")),
        *_limits(profile, _lines(folder / "limits.csv")),
    ]


def check_codes(profile: Profile, used: Mapping[str, Mapping[str, int]]) -> list[Finding]:
    """Codes that events use and no register has; `used` counts the events of each code by field."""
    registers: dict[str, tuple[str, set[str]]] = {
        "grid_code": ("grids.csv", {grid.grid_code for grid in profile.grids}),
        "unit_code": ("units.csv", {unit.unit_code for unit in profile.units}),
        "category_code": ("categories.csv", {category.category_code for category in profile.categories}),
        "channel": ("profile.yaml, channels", set(profile.channels)),
        "work_type": ("profile.yaml, work_types", set(profile.work_types)),
    }
    findings = []
    for field, (place, known) in registers.items():
        strange = sorted(set(used.get(field, {})) - known, key=lambda code: (-used[field][code], code))
        if strange:
            shown = ", ".join(f"{code!r} ({used[field][code]:,})" for code in strange[:5])
            message = f"{len(strange):,} of the codes that events use as {field} are not there: {shown}"
            findings.append(
                Finding("warning", place, message, "Add a row for each, or map them to known ones.")
            )
    return findings


def _lines(path: Path) -> list[int]:
    """The line each row of a register starts on."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        numbered = [(number, line) for number, line in enumerate(file, 1) if not line.startswith("#")]
    reader = csv.reader(line for _, line in numbered)
    starts: list[int] = []
    before = 0
    for cells in reader:
        if cells:
            starts.append(numbered[before][0])
        before = reader.line_num
    return starts[1:]


def _settings(profile: Profile) -> Iterator[Finding]:
    def wrong(key: str, message: str, remedy: str) -> Finding:
        return Finding("error", f"profile.yaml, {key}", message, remedy)

    if profile.work_types and profile.default_work_type not in profile.work_types:
        message = f"{profile.default_work_type!r} is none of the work types"
        yield wrong("default_work_type", message, "Name one of work_types, or add it there.")
    if ALL_WORK_TYPES in profile.work_types:
        message = f"{ALL_WORK_TYPES!r} is the row of all work types together"
        yield wrong("work_types", message, "Give the work type another code.")
    for word in profile.satisfaction_strict:
        if profile.satisfaction_points.get(word, 0) <= 0:
            message = f"{word!r} counts as satisfied but earns no points"
            yield wrong(
                "satisfaction_strict", message, "Give it points in satisfaction_points, or take it out."
            )
    yield from _country(profile.calendar.country)


def _with_line(folder: Path, finding: Finding) -> Finding:
    """A finding of `profile.yaml, key`, with the line of the key."""
    file, key = finding.place.split(", ")
    return replace(finding, place=f"{file}, line {yaml_line(folder / file, key.split('.'))}, {key}")


def _composites(profile: Profile) -> Iterator[Finding]:
    """What a composite names must be there, and its thresholds must stand in order."""
    known = {grid.level for grid in profile.grids} | {"unit", "operator", "total"}
    for name, composite in profile.composites.items():
        place = f"profile.yaml, composites.{name}"
        if composite is None:
            continue
        for level in sorted(set(composite.levels) - known):
            message = f"no grid has the level {level!r}"
            yield Finding("error", f"{place}.levels", message, "Name a level of grids.csv, or `unit`.")
        work_types = {ALL_WORK_TYPES, *profile.work_types}
        if profile.work_types and composite.work_type not in work_types:
            message = f"there is no work type {composite.work_type!r}"
            yield Finding("error", f"{place}.work_type", message, "Name one of work_types, or `all`.")
        yield from _thresholds(composite, place)
        yield from _parts(composite, place)


def _thresholds(lists: Lists, place: str) -> Iterator[Finding]:
    if not lists.black_below <= lists.yellow_below <= lists.red_from:
        message = "the lists overlap: black_below, yellow_below and red_from must rise in this order"
        yield Finding("error", place, message, "Put the three thresholds in order.")


def _score_lists(profile: Profile) -> Iterator[Finding]:
    known = {grid.level for grid in profile.grids} | {"total"}
    for kind, lists in profile.score_lists.items():
        place = f"profile.yaml, score_lists.{kind}"
        for level in sorted(set(lists.levels) - known):
            message = f"no grid has the level {level!r}"
            yield Finding("error", f"{place}.levels", message, "Name a level of grids.csv, or `total`.")
        yield from _thresholds(lists, place)


def _response_bands(profile: Profile) -> Iterator[Finding]:
    for work_type, bands in profile.response_bands.items():
        place = f"profile.yaml, response_bands.{work_type}"
        if work_type not in profile.work_types:
            message = f"there is no work type {work_type!r}"
            yield Finding("error", place, message, "Name one of work_types, or add it there.")
        for verb in sorted({verb for band in bands for verb in (band.since, band.until)} - set(CASE_VERBS)):
            yield Finding("error", place, f"no event has the verb {verb!r}", f"Use {', '.join(CASE_VERBS)}.")


def _parts(composite: Composite, place: str) -> Iterator[Finding]:
    names = [part.indicator for part in composite.parts]
    for name in sorted({name for name in names if names.count(name) > 1}):
        message = f"{name!r} is weighed twice"
        yield Finding("error", f"{place}.parts", message, "Add the two weights, or name another indicator.")


def _country(country: str) -> Iterator[Finding]:
    import holidays

    if country not in holidays.list_supported_countries():
        message = f"no public holidays are known of {country!r}"
        yield Finding("error", "profile.yaml, calendar.country", message, "Use a code such as CN or US.")


def _sessions(sessions: Sequence[Session]) -> Iterator[Finding]:
    for one, other in combinations(sessions, 2):
        shared = sorted(set(one.months) & set(other.months))
        if shared and one.starts < other.ends and other.starts < one.ends:
            message = (
                f"{one.starts:%H:%M}-{one.ends:%H:%M} and {other.starts:%H:%M}-{other.ends:%H:%M} overlap"
            )
            remedy = "Working time would count twice: part them."
            yield Finding(
                "error", "profile.yaml, calendar.sessions", f"{message} in month {shared[0]}", remedy
            )
    idle = sorted(set(range(1, 13)) - {month for session in sessions for month in session.months})
    if idle:
        message = f"nothing is worked in the months {', '.join(map(str, idle))}"
        yield Finding("error", "profile.yaml, calendar.sessions", message, "Add a session for them.")


def _grids(grids: Sequence[Grid], lines: Sequence[int]) -> Iterator[Finding]:
    nodes = [
        _Node(g.grid_code, g.parent_code, g.valid_from or date.min, g.valid_to or date.max, g.tree, line)
        for g, line in zip(grids, lines, strict=True)
    ]
    yield from _tree(nodes, "grids.csv")
    yield from _area_prefixes(nodes)
    for grid, line in zip(grids, lines, strict=True):
        for name in {grid.grid_code, grid.level} & set(RESERVED):
            message = f"{name!r} is the name of a row of the figures"
            yield Finding("error", f"grids.csv, line {line}", message, "Use another code or level.")


def _units(units: Sequence[Unit], lines: Sequence[int]) -> Iterator[Finding]:
    nodes = [
        _Node(u.unit_code, u.parent_code, u.valid_from or date.min, u.valid_to or date.max, "", line)
        for u, line in zip(units, lines, strict=True)
    ]
    yield from _tree(nodes, "units.csv")


def _categories(categories: Sequence[Category], lines: Sequence[int]) -> Iterator[Finding]:
    systems: dict[str, list[_Node]] = defaultdict(list)
    for c, line in zip(categories, lines, strict=True):
        systems[c.category_system].append(_Node(c.category_code, c.parent_code, date.min, date.max, "", line))
    for nodes in systems.values():
        yield from _tree(nodes, "categories.csv")


def _tree(nodes: Sequence[_Node], file: str) -> Iterator[Finding]:
    by_code: dict[str, list[_Node]] = defaultdict(list)
    for node in nodes:
        by_code[node.code].append(node)
    for node in nodes:
        yield from _validity(node, by_code, file)
    yield from _circles(nodes, file)


def _validity(node: _Node, by_code: Mapping[str, list[_Node]], file: str) -> Iterator[Finding]:
    def wrong(message: str, remedy: str) -> Finding:
        return Finding("error", f"{file}, line {node.line}", message, remedy)

    if node.begins >= node.ends:
        yield wrong(
            f"{node.code!r} ends before it begins",
            "valid_from is its first day, valid_to the day after its last.",
        )
    for other in by_code[node.code]:
        overlaps = node.begins < other.ends and other.begins < node.ends
        if other.line < node.line and other.tree == node.tree and overlaps:
            message = f"{node.code!r} is valid here and on line {other.line} at the same time"
            yield wrong(message, "Let one end (valid_to) on the day the other begins, or remove one.")
    if node.parent is None:
        return
    if node.parent not in by_code:
        yield wrong(f"the parent {node.parent!r} of {node.code!r} has no row", "Add it, or mend parent_code.")
    elif gap := _uncovered(node, by_code[node.parent]):
        message = f"the parent {node.parent!r} is not valid from {gap[0]} to {gap[1]}, and {node.code!r} is"
        yield wrong(message, "Let the parent's rows cover all the time of its children.")


def _uncovered(node: _Node, parents: Iterable[_Node]) -> tuple[str, str] | None:
    """The first stretch of a node's validity in which no row of its parent holds."""
    reached = node.begins
    for parent in sorted(parents, key=lambda p: p.begins):
        if parent.begins > reached:
            break
        reached = max(reached, parent.ends)
    if reached >= node.ends:
        return None
    until = min([node.ends, *(p.begins for p in parents if p.begins > reached)])
    return _day(reached), _day(until)


def _day(day: date) -> str:
    return {date.min: "the beginning", date.max: "the end"}.get(day, day.isoformat())


def _circles(nodes: Sequence[_Node], file: str) -> Iterator[Finding]:
    """Each circle once, with the first day it is there: a tree may be re-drawn into one."""
    told: set[frozenset[str]] = set()
    for day in sorted({node.begins for node in nodes}):
        parents: dict[str, set[str]] = defaultdict(set)
        lines: dict[str, int] = {}
        for node in nodes:
            if node.begins <= day < node.ends and node.parent is not None:
                parents[node.code].add(node.parent)
                lines[node.code] = node.line
        for code in parents:
            circle = _circle(code, parents)
            if circle and frozenset(circle) not in told:
                told.add(frozenset(circle))
                way = " → ".join([*circle, circle[0]])
                message = f"the tree runs in a circle: {way}"
                place = f"{file}, line {lines[circle[0]]}"
                yield Finding("error", place, message, "Mend the parent_code of one of them.")


def _circle(start: str, parents: Mapping[str, set[str]]) -> list[str]:
    """The way from `start` up to `start` again, or nothing."""
    came_from: dict[str, str] = {}
    waiting = [start]
    while waiting:
        code = waiting.pop()
        for above in sorted(parents.get(code, ())):
            if above == start:
                way = [code]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if above not in came_from:
                came_from[above] = code
                waiting.append(above)
    return []


def _area_prefixes(nodes: Iterable[_Node]) -> Iterator[Finding]:
    """A code of twelve digits or more begins with its area: it must lie in the area of its parent."""
    for node in nodes:
        parent = node.parent or ""
        if not (_is_area(node.code) and _is_area(parent)):
            continue
        significant = len(parent[: AREA_STEPS[-1]].rstrip("0"))
        prefix = parent[: next(step for step in AREA_STEPS if step >= significant)]
        if not node.code.startswith(prefix):
            message = f"{node.code!r} does not begin with {prefix}, the area of its parent {parent!r}"
            yield Finding(
                "error", f"grids.csv, line {node.line}", message, "Mend the code or the parent_code."
            )


def _is_area(code: str) -> bool:
    return len(code) >= AREA_STEPS[-1] and code.isascii() and code.isdigit()


def _limits(profile: Profile, lines: Sequence[int]) -> Iterator[Finding]:
    categories = {(c.category_system, c.category_code) for c in profile.categories}
    seen: dict[tuple[object, ...], int] = {}
    for limit, line in zip(profile.limits, lines, strict=True):
        key = limit.category_system, limit.category_code, limit.condition_no, limit.work_type
        place = f"limits.csv, line {line}"
        if key in seen:
            message = f"this limit is already on line {seen[key]}"
            yield Finding("error", place, message, "Remove one of them.")
        seen.setdefault(key, line)
        yield from _limit(limit, place, categories, profile)
    yield from _coverage(profile)
    yield from _conditions(profile.limits, lines)


def _limit(limit: Limit, place: str, categories: set[tuple[str, str]], profile: Profile) -> Iterator[Finding]:
    if limit.category_code is None:
        if limit.condition_no is not None:
            message = f"the condition {limit.condition_no} is of no category"
            yield Finding("error", place, message, "Name the category, or leave the condition out.")
    elif (limit.category_system or "", limit.category_code) not in categories:
        message = f"there is no category {limit.category_code!r} in the system {limit.category_system!r}"
        yield Finding("error", place, message, "Add it to categories.csv, or mend the code or system.")
    elif limit.work_type is not None:
        message = "a limit of a category holds for every work type"
        yield Finding(
            "warning", place, message, "Leave work_type out, or give the work type categories of its own."
        )
    if limit.work_type is not None and profile.work_types and limit.work_type not in profile.work_types:
        message = f"there is no work type {limit.work_type!r}"
        yield Finding("error", place, message, "Add it to work_types in profile.yaml, or mend it.")


def _coverage(profile: Profile) -> Iterator[Finding]:
    """Where there are limits, every category at the end of a branch needs one, or a default."""
    if not profile.limits or any(x.category_code is None and x.work_type is None for x in profile.limits):
        return
    limited = {(x.category_system, x.category_code) for x in profile.limits}
    parents = {(c.category_system, c.parent_code) for c in profile.categories}
    leaves = [(c.category_system, c.category_code) for c in profile.categories]
    without = [code for system, code in leaves if (system, code) not in limited | parents]
    if without:
        message = (
            f"{len(without)} categories have no limit, and there is no default: {', '.join(without[:5])}"
        )
        remedy = "Add a limit for each, or one without a category for all the others."
        yield Finding("warning", "limits.csv", message, remedy)


def _conditions(limits: Sequence[Limit], lines: Sequence[int]) -> Iterator[Finding]:
    """The conditions of a category are numbered from 1 on, without a gap."""
    numbers: dict[tuple[str | None, str | None], list[tuple[int, int]]] = defaultdict(list)
    for limit, line in zip(limits, lines, strict=True):
        if limit.condition_no is not None and limit.category_code is not None:
            numbers[limit.category_system, limit.category_code].append((limit.condition_no, line))
    for (_, code), found in numbers.items():
        for (before, _), (number, line) in pairwise([(0, 0), *sorted(found)]):
            if number > before + 1:
                message = f"{code!r} has a condition {number} and none numbered {before + 1}"
                yield Finding(
                    "warning", f"limits.csv, line {line}", message, "Add the limit of that condition."
                )
