"""Reports as files below `<home>/reports/`: one by one as asked for, or those a publication calls for.

Reads the published file; writes pages, workbooks, texts and the list of them (see `reports.files`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

import duckdb

from gridrates.published_client import open_published
from gridrates.published_rates import ALL_WORK, last_date
from gridrates.settings import Settings
from reports import index
from reports.facts import UNASSIGNED, Facts, gather
from reports.files import FORMATS, Format, Place, replacing
from reports.scope import Scope, day, parse


def reports_folder(settings: Settings) -> Path:
    """Where reports are written."""
    return settings.home_dir / "reports"


def write_report(
    settings: Settings,
    scope: Scope,
    *,
    node: str | None = None,
    work_type: str = ALL_WORK,
    formats: Sequence[Format] = FORMATS,
    folder: Path | None = None,
) -> list[Path]:
    """Write one report in the formats asked for, and the list; returns the report's files.

    Raises InputError (no such node or kind of work), WarehouseError (nothing published) or OSError.
    """
    target = folder or reports_folder(settings)
    with open_published(settings) as connection:
        facts = gather(connection, scope, node=node, work_type=work_type)
        written = _write(target, facts, work_type, formats)
        index.write(connection, target)
    return written


def write_after_publication(settings: Settings, dates: Iterable[date]) -> list[Path]:
    """Write what a publication of `dates` calls for, and the list; returns the reports' files.

    That is the report of each date and of each one's month, and those of the nodes below for the last whole
    day, when it is among the dates.
    """
    folder, days = reports_folder(settings), sorted(set(dates))
    written: list[Path] = []
    with open_published(settings) as connection:
        newest = last_date(connection)
        for scope in [*map(day, days), *dict.fromkeys(parse(f"{on:%Y-%m}") for on in days)]:
            facts = gather(connection, scope)
            written += _write(folder, facts, ALL_WORK, FORMATS)
            if scope == day(newest):
                written += _write_children(connection, folder, facts)
        if written:
            index.write(connection, folder)
    return written


def _write_children(connection: duckdb.DuckDBPyConnection, folder: Path, facts: Facts) -> list[Path]:
    codes = [row.subject.code for row in facts.children if row.subject.level != UNASSIGNED]
    below = (gather(connection, facts.scope, node=code) for code in codes)
    return [file for each in below for file in _write(folder, each, ALL_WORK, FORMATS)]


def _write(folder: Path, facts: Facts, work_type: str, formats: Sequence[Format]) -> list[Path]:
    place = Place(facts.scope, facts.node.code, work_type)
    written = [place.path(folder, each) for each in formats]
    for each, path in zip(formats, written, strict=True):
        with replacing(path) as aside:
            WRITERS[each](aside, facts, work_type)
    return written


def _write_page(path: Path, facts: Facts, _work_type: str) -> None:
    from reports.page import render

    path.write_text(render(facts), encoding="utf-8")


def _write_workbook(path: Path, facts: Facts, _work_type: str) -> None:
    from reports.workbook import write

    write(path, facts)


def _write_bulletin(path: Path, facts: Facts, work_type: str) -> None:
    from reports.bulletin import render

    path.write_text(render(facts, work_type), encoding="utf-8")


WRITERS: Mapping[Format, Callable[[Path, Facts, str], None]] = {
    "html": _write_page,
    "xlsx": _write_workbook,
    "md": _write_bulletin,
}
