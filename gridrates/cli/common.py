"""What every command shares: the settings, the two consoles, JSON, and how a failure is told.

Results go to standard output, everything else (progress, remarks, errors) to standard error.
"""

from __future__ import annotations

import errno
import inspect
import json
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrates.errors import GridratesError, ResourceError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn

    from gridrates.settings import Settings

_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def settings(ctx: typer.Context) -> Settings:
    """The settings, with the root options `--profile` and `--home` on top. Raises InputError."""
    from gridrates.settings import load_settings

    return load_settings(**ctx.find_root().obj)


@cache
def stdout() -> Console:
    """The console for results."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


@cache
def stderr() -> Console:
    """The console for progress and remarks."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def bar(*columns: ProgressColumn) -> Progress:
    """A display of progress that leaves nothing behind, and shows nothing where nobody watches."""
    from rich.progress import Progress

    # Left to itself it would put an empty line into the log of a job.
    return Progress(*columns, console=stderr(), transient=True, disable=not stderr().is_terminal)


def say(text: str) -> None:
    """Tell how it goes, on standard error."""
    stderr().print(text, markup=False)


def print_json(content: Any) -> None:
    """Print a result for machines, on standard output. Dates and paths become strings."""
    typer.echo(json.dumps(content, ensure_ascii=False, indent=2, default=str))


def a_date(text: str) -> date:
    """A business date given on the command line. Raises InputError."""
    from gridrates.errors import InputError

    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is not a date.", remedy="Write it as 2026-05-01.") from error


def a_moment(text: str) -> datetime:
    """A moment given on the command line, with or without an offset. Raises InputError."""
    from gridrates.errors import InputError

    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is not a time.", remedy="Write it as 2026-05-02T06:00.") from error


def examples(*lines: str) -> str:
    """An epilog that shows how a command is used."""
    # The empty line in front keeps Typer from taking the indentation of the others for a margin.
    return "\n".join(["", "[bold]Examples[/]", *(f"  [cyan]{line}[/]" for line in lines)])


def flow_help(command: Any) -> None:
    """Let the paragraphs of a command's help, and of those below it, run to the width of the terminal.

    Typer prints the line ends of a docstring as they stand.
    """
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    for below in getattr(command, "commands", {}).values():
        flow_help(below)


def span(dates: Sequence[date]) -> str:
    """Business dates in words: how many, and from when to when."""
    if not dates:
        return "no business date"
    if len(dates) == 1:
        return f"1 business date, {dates[0]}"
    return f"{len(dates):,} business dates, {min(dates)} to {max(dates)}"


def held_back(day: date, reason: str) -> str:
    """That a date is not as new as it could be."""
    return f"* {day} 新数据未通过检查，暂缓更新 newer figures are held back: {reason}"


def failed(error: GridratesError) -> typer.Exit:
    """Print what happened and what to do; the exit to raise."""
    from rich.text import Text

    stderr().print(Text.assemble(("Error: ", "bold red"), error.message))
    if error.remedy:
        stderr().print(Text.assemble(("What to do: ", "bold"), error.remedy))
    return typer.Exit(error.exit_code)


def failed_on_disk(error: OSError) -> typer.Exit:
    """The same for a full disk or a place that is closed to us, wherever it was noticed.

    Any other OSError is raised again.
    """
    if error.errno in _FULL:
        where = f" ({error.filename})" if error.filename else ""
        remedy = "Make room, then run the command again."
        return failed(ResourceError(f"The disk is full{where}.", remedy=remedy))
    if error.errno in _CLOSED and error.filename:
        remedy = "Check the path and its permissions, or choose another place with GRIDRATES_HOME."
        return failed(ResourceError(f"{error.filename}: {error.strerror}.", remedy=remedy))
    raise error
