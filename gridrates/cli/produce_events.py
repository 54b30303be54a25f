"""`gridrates produce events`: send a file of events, one JSON text a line."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrates.cli import common
from gridrates.errors import InputError

if TYPE_CHECKING:
    from rich.progress import Progress

    from producers.events_file import Summary

STDIN = Path("-")
# Rejected lines told on standard error; all of them are in the rejects file.
SHOWN_REJECTS = 10
_BUFFER_BYTES = 1024 * 1024


def register(produce: typer.Typer) -> None:
    """Add `produce events`."""
    produce.command(
        epilog=common.examples(
            "gridrates produce events events.jsonl            # or events.jsonl.gz",
            "other-system export | gridrates produce events - --rejects bad.jsonl",
        )
    )(events)


def events(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE|-", help="Events, one JSON text a line; - is stdin.")],
    rejects: Annotated[
        Path | None,
        typer.Option(help="Where rejected lines go. [dim]Default: FILE.rejects.jsonl[/]"),
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Check the events of a file against the contract and send the good ones.

    Lines that are not good, or that Kafka does not take, are told and written to the rejects file with
    their number and the reason; the others are sent all the same. Sending a file twice does no harm: the
    landing knows an event by its source and id. Exit code 2 when a line was rejected.
    """
    from producers.events_file import Rejects, plain_text, send_events

    settings = common.settings(ctx)
    path = rejects or _beside(file)
    if path.exists() and file.exists() and path.samefile(file):
        raise InputError("The rejects file is the input itself.", remedy="Name another with --rejects.")
    with _progress() as progress, _opened(file, progress) as raw:
        name = "standard input" if file == STDIN else str(file)
        stream, teller = plain_text(raw, name), _Teller(progress)
        with Rejects(path, teller.rejected) as kept:
            summary = send_events(settings, stream, kept, name=name, on_progress=teller.read)
    _tell(summary, path, as_json)


def _beside(file: Path) -> Path:
    return Path("stdin.rejects.jsonl") if file == STDIN else file.with_name(f"{file.name}.rejects.jsonl")


def _progress() -> Progress:
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn

    return common.bar(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())


@contextmanager
def _opened(file: Path, progress: Progress) -> Iterator[io.BufferedReader]:
    """The file's bytes, counted by the progress bar. Raises InputError."""
    if file == STDIN:
        progress.add_task("sending", total=None)
        yield sys.stdin.buffer  # type: ignore[misc]
        return
    try:
        raw = file.open("rb")
    except OSError as error:
        raise InputError(
            f"{file} cannot be read: {error.strerror}.", remedy="Name a file with one event a line."
        ) from error
    with raw:
        counted: Any = progress.wrap_file(raw, total=file.stat().st_size, description="sending")
        yield io.BufferedReader(counted, _BUFFER_BYTES)


class _Teller:
    """Tells on standard error how it goes, and the first rejected lines."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._told = 0

    def read(self, lines: int) -> None:
        self._progress.update(self._progress.task_ids[0], description=f"{lines:,} lines")

    def rejected(self, number: int, reason: str) -> None:
        self._told += 1
        if self._told <= SHOWN_REJECTS:
            common.say(f"line {number:,}: {reason}")
        elif self._told == SHOWN_REJECTS + 1:
            common.say("more lines are rejected: see the rejects file")


def _tell(summary: Summary, rejects: Path, as_json: bool) -> None:
    """Print the summary; leave with the exit code that belongs to it."""
    where = str(rejects) if summary.rejected else None
    if as_json:
        counts = {"read": summary.read, "sent": summary.sent, "rejected": summary.rejected}
        common.print_json(counts | {"rejects_file": where, "is_complete": summary.is_complete})
    else:
        common.stdout().print(f"{summary.read:,} lines: {summary.sent:,} sent, {summary.rejected:,} rejected")
        if where:
            common.say(f"The rejected lines are in {where}.")
    if summary.failure is not None:
        raise summary.failure
    if summary.signal_number is not None:
        common.say(f"Stopped after {summary.read:,} lines; the rest of the input was not sent.")
        raise typer.Exit(128 + summary.signal_number)
    if summary.rejected:
        raise typer.Exit(InputError.exit_code)
