"""`gridrates report`: the page, the workbook and the text, from the published file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridrates.cli import common
from gridrates.errors import InputError

if TYPE_CHECKING:
    from gridrates.settings import Settings
    from reports.scope import Scope


class Format(StrEnum):
    """What a report can be written as."""

    HTML = "html"
    XLSX = "xlsx"
    MD = "md"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=common.examples(
            "gridrates report        # the last whole day, in every format",
            "gridrates report --period 2026-05 --node 香樟居民区 --format html",
            "gridrates report --period 2026-Q2 --format xlsx --out bulletins",
        )
    )(report)


def report(
    ctx: typer.Context,
    day: Annotated[
        str | None, typer.Option("--date", help="Business date; default: the last whole day.")
    ] = None,
    period: Annotated[
        str | None, typer.Option(help="2026-W18, 2026-05, 2026-Q2, 2026-H1 or 2026 instead of a date.")
    ] = None,
    node: Annotated[str | None, typer.Option(help="Part of the grid tree, by code or name.")] = None,
    work_type: Annotated[str, typer.Option(help="Kind of work; all of them together by default.")] = "all",
    formats: Annotated[
        list[Format] | None, typer.Option("--format", help="What to write; all of them by default.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to.  [dim]default: reports/ below the home[/]")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Write a report: an HTML page, an Excel bulletin and a bulletin text.

    All are of one generation of the published file and hold the same figures. The page needs no network; the
    list of all reports, index.html, searches them.
    """
    from reports.files import FORMATS, INDEX
    from reports.writing import reports_folder, write_report

    settings = common.settings(ctx)
    wanted = [each.value for each in formats] if formats else list(FORMATS)
    files = write_report(
        settings,
        _scope(settings, day, period),
        node=node,
        work_type=work_type,
        formats=[each for each in FORMATS if each in wanted],
        folder=out,
    )
    index = (out or reports_folder(settings)) / INDEX
    if as_json:
        common.print_json({"files": files, "index": index})
    else:
        for file in files:
            common.stdout().print(str(file), markup=False)
        common.say(f"All reports: {index}")


def _scope(settings: Settings, day: str | None, period: str | None) -> Scope:
    from gridrates.published_client import open_published
    from gridrates.published_rates import check_covered, last_date
    from reports.scope import day as one_day
    from reports.scope import parse

    if day and period:
        raise InputError("A date was asked for, and a period.", remedy="Use --date or --period.")
    asked = parse(period) if period else one_day(common.a_date(day)) if day else None
    with open_published(settings) as connection:
        if asked is None:
            return one_day(last_date(connection))
        check_covered(connection, asked.first, asked.last)
    return asked
