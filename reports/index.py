"""The page that lists all reports and searches them, in the same manner as a report: nothing fetched.

Reads the folder of reports and, for what nodes and kinds of work are called, the published file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import duckdb

from gridrates.published_rates import ALL_WORK, TOTAL, read_nodes, read_work_type
from reports.files import INDEX, Place, places, replacing
from reports.page import environment
from reports.scope import Scope


@dataclass(frozen=True)
class Entry:
    """A report that exists, with the names of its node and its kind of work (empty for all of them)."""

    place: Place
    name_zh: str
    name_en: str
    work_zh: str = ""
    work_en: str = ""

    @property
    def scope(self) -> Scope:
        """What it is about."""
        return self.place.scope

    @property
    def addresses(self) -> Mapping[str, str]:
        """The addresses of its files by format, from the list."""
        return {each: self.place.address(each) for each in self.place.formats}

    @property
    def search_text(self) -> str:
        """The words by which it is found."""
        words = (self.scope.key, self.scope.title_zh, self.scope.title_en, self.name_zh, self.name_en)
        return " ".join((*words, self.work_zh, self.work_en)).casefold()


def render(entries: Sequence[Entry]) -> str:
    """The list; `entries` in the order in which they are to be shown."""
    groups = [(scope, list(found)) for scope, found in groupby(entries, key=lambda entry: entry.scope)]
    return environment().get_template("index.html.j2").render(groups=groups, count=len(entries))


def write(connection: duckdb.DuckDBPyConnection, folder: Path) -> Path:
    """Write the list of the reports there are; returns its path."""
    with replacing(folder / INDEX) as aside:
        aside.write_text(render(list(entries(connection, folder))), encoding="utf-8")
    return folder / INDEX


def entries(connection: duckdb.DuckDBPyConnection, folder: Path) -> Iterator[Entry]:
    """The reports there are, the newest scope first; in each the whole, then its nodes by name."""
    found = sorted(places(folder), key=lambda place: (place.scope.last, place.scope.first), reverse=True)
    for scope, of_scope in groupby(found, key=lambda place: place.scope):
        names = _names(connection, scope)
        named = [_entry(connection, place, names) for place in of_scope]
        yield from sorted(named, key=lambda entry: (entry.place.code != TOTAL, entry.name_zh, entry.work_zh))


def _entry(
    connection: duckdb.DuckDBPyConnection, place: Place, names: Mapping[str, tuple[str, str]]
) -> Entry:
    name_zh, name_en = names.get(place.code, (place.code, place.code))
    work = ("", "") if place.work_type == ALL_WORK else read_work_type(connection, place.work_type)
    return Entry(place, name_zh, name_en, *work)


def _names(connection: duckdb.DuckDBPyConnection, scope: Scope) -> dict[str, tuple[str, str]]:
    """What nodes are called, as drawn on the scope's last day; the whole is called like the tree's root."""
    nodes = read_nodes(connection, scope.last)
    names = {node.code: (node.name_zh or node.code, node.name_en or node.code) for node in nodes}
    return {TOTAL: names[nodes[0].code] if nodes else ("全域", "Whole")} | names
