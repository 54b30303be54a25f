"""`gridrates produce csv`: send the rows of CSV exports as events, by the mapping of a profile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridrates.cli import common
from gridrates.errors import InputError

if TYPE_CHECKING:
    from producers.csv_export.importing import ImportSummary
    from producers.csv_export.memory import Changes
    from producers.csv_export.sending import Sent
    from producers.mapping import Mapping


def register(produce: typer.Typer) -> None:
    """Add `produce csv`."""
    produce.command(
        name="csv",
        epilog=common.examples(
            "gridrates produce csv cases.csv.gz --profile boston-311 --dry-run",
            "gridrates produce csv 2024-*.csv --profile boston-311",
            "gridrates produce csv visits.csv --mapping visits.yaml --rejects rejected/",
        ),
    )(import_csv)


def import_csv(
    ctx: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Exports: CSV, plain or gzip, or workbooks.")
    ],
    profile: Annotated[
        str | None, typer.Option(help="City or street whose mapping.yaml and time zone hold.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="Another mapping. [dim]Default: mapping.yaml of the profile[/]")
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Folder of the rejects files. [dim]Default: beside each file[/]")
    ] = None,
    send_all: Annotated[
        bool, typer.Option("--all", help="Send every row, also those sent before: for a new warehouse.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Map and count; send and write nothing.")
    ] = False,
    as_json: common.Json = False,
) -> None:
    """Map every row of the files to events and send them.

    A row that cannot be mapped goes to FILE.rejects.csv with its number and the reason; the others are
    sent all the same. Rows that an earlier import sent are not sent again; where a row has changed, its new
    events are sent, and those that do not hold any more are taken back. Exit code 2 when a row was rejected.
    """
    from producers.csv_export.importing import import_exports
    from producers.csv_export.sending import send_exports

    settings = common.settings(ctx)
    rules, kind = _load(profile or settings.profile, mapping)
    with progress(files) as on_progress:
        if dry_run:
            summary = import_exports(files, rules, on_progress=on_progress)
        else:
            sent = send_exports(
                settings,
                files,
                rules,
                rejects_dir=rejects,
                kind=kind,
                send_all=send_all,
                on_progress=on_progress,
            )
            summary = sent.summary
    if as_json:
        common.print_json(summary.as_json() | {"dry_run": True} if dry_run else sent.as_json())
    else:
        tell(summary)
    if not dry_run:
        leave_if_unsent(sent)
    if summary.rejected:
        raise typer.Exit(InputError.exit_code)


def tell(summary: ImportSummary) -> None:
    """Print what became of the rows, the commonest reasons first."""
    out = common.stdout()
    out.print(f"{summary.rows:,} rows: {summary.mapped:,} mapped, {summary.rejected:,} rejected")
    if summary.unchanged:
        out.print(f"{summary.unchanged:,} rows are as they were sent before")
    out.print(f"{summary.event_count:,} events")
    for name, count in summary.events.items():
        out.print(f"  {name}  {count:,}")
    for reason, count in summary.reasons.most_common():
        out.print(f"rejected {count:,}: {reason}", markup=False)
        for example in summary.examples[reason]:
            out.print(f"  {example}", markup=False)
    for note in summary.notes:
        out.print(f"Note: {note}", markup=False)
    _tell_changes(summary.changes)
    for path in summary.rejects_files:
        common.say(f"Rejected rows are in {path}.")
    rate = summary.event_count / max(summary.seconds, 1e-9)
    common.say(f"{summary.seconds:.1f} s, {rate:,.0f} events/s")


def _tell_changes(changes: Changes | None) -> None:
    """Tell of rows that nothing could be done about."""
    if changes is not None and changes.vanished:
        common.say(
            f"{changes.vanished:,} rows of earlier imports are not here now; nothing is sent about them."
        )
    if changes is not None and changes.uncorrected:
        common.say(
            f"{changes.uncorrected:,} cases have several rows: what is new in them is sent, nothing is taken "
            "back. Say in the mapping what names a row, as `row`."
        )


def _load(profile: str, mapping: Path | None) -> tuple[Mapping, str]:
    """The mapping, and a name for the kind of export it is for."""
    from gridrates.profile import folder_of, load_profile
    from producers.mapping import load_mapping

    folder = folder_of(profile)
    path = mapping or folder / "mapping.yaml"
    return load_mapping(path, time_zone=load_profile(profile).time_zone), f"{folder.name}-{path.stem}"


def leave_if_unsent(sent: Sent) -> None:
    """Tell why events were not sent, and leave with the exit code that belongs to it."""
    if sent.refused:
        first = sent.refused[0]
        common.say(
            f"{len(sent.refused):,} events not acknowledged; the first, of row {first.origin}: {first.reason}"
        )
    if sent.failure is not None:
        raise sent.failure
    if sent.signal_number is not None:
        common.say(f"Stopped after {sent.summary.rows:,} rows; the rest was not sent.")
        raise typer.Exit(128 + sent.signal_number)
    if sent.refused:
        raise typer.Exit(InputError.exit_code)


@contextmanager
def progress(files: list[Path]) -> Iterator[Callable[[int], object]]:
    """A bar over the bytes of all files; it takes how many of them have been read."""
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn

    columns = TextColumn("importing"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with common.bar(*columns) as progress:
        task = progress.add_task("importing", total=sum(f.stat().st_size for f in files if f.is_file()))
        yield lambda position: progress.update(task, completed=position)
