"""`gridrates produce open311`: poll an Open311 server and send its requests as events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

import typer

from gridrates.cli import common
from gridrates.errors import InputError

if TYPE_CHECKING:
    from gridrates.settings import Settings
    from producers.open311.polling import Asked, Poll


def register(produce: typer.Typer) -> None:
    """Add `produce open311`."""
    produce.command(
        name="open311",
        epilog=common.examples(
            "gridrates produce open311 https://api.city.example/discovery.json --services",
            "gridrates produce open311 https://api.city.example/v2 --dry-run",
            "gridrates produce open311 https://api.city.example/v2",
        ),
    )(poll_server)


def poll_server(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="An endpoint, or a discovery document.")],
    profile: Annotated[
        str | None, typer.Option(help="City or street whose open311.yaml and time zone hold.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="Another mapping. [dim]Default: open311.yaml of the profile[/]")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Read requests made from here on. [dim]At first: 90 days ago[/]")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything again, from where the first poll began.")
    ] = False,
    revisit_days: Annotated[
        int, typer.Option(min=0, help="Days before the last poll whose requests are read again.")
    ] = 30,
    jurisdiction: Annotated[str | None, typer.Option(help="City, where a server has several.")] = None,
    endpoint_type: Annotated[
        str, typer.Option(help="Of a discovery document: which kind of endpoint.")
    ] = "production",
    data_format: Annotated[
        Literal["json", "xml"] | None,
        typer.Option("--format", help="How to ask. [dim]Default: JSON where there is any[/]"),
    ] = None,
    page_size: Annotated[int, typer.Option(min=1, max=1000, help="Requests asked for at a time.")] = 500,
    pause: Annotated[float, typer.Option(min=0, help="Seconds between two questions.")] = 0.2,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds an answer may keep us waiting.")] = 60,
    rejects: Annotated[
        Path | None,
        typer.Option(help="Folder of the rejects files. [dim]Default: open311 in GRIDRATES_HOME[/]"),
    ] = None,
    services: Annotated[
        bool, typer.Option("--services", help="List what the server offers; poll nothing.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read, map and count; send and keep nothing.")
    ] = False,
    as_json: common.Json = False,
) -> None:
    """Read the service requests of an Open311 server (GeoReport v2) and send their events.

    The first poll reads 90 days, or from `--since`. Each further one reads what is new, the last days again,
    and every older request that was open; of what has changed, new events are sent, and those that do not
    hold any more are taken back. A request that cannot be mapped goes to a rejects file. Exit code 2 when
    there was one.
    """
    from producers.open311.polling import Asked

    settings = common.settings(ctx)
    asked = Asked(
        url, jurisdiction, data_format, endpoint_type, None, full, timedelta(days=revisit_days), page_size,
        pause, timeout,
    )  # fmt: skip
    if services:
        _tell_services(settings, asked, as_json)
        return
    found = _polled(settings, asked, profile or settings.profile, mapping, since, rejects, dry_run)
    if as_json:
        common.print_json(found.as_json() | ({"dry_run": True} if dry_run else {}))
    else:
        _tell(found)
    _leave(found)


def _polled(
    settings: Settings, asked: Asked, profile: str, mapping: Path | None, since: str | None,
    rejects: Path | None, dry_run: bool,
) -> Poll:  # fmt: skip
    from dataclasses import replace

    from gridrates.profile import folder_of, load_profile
    from producers.mapping import load_mapping
    from producers.open311.polling import poll

    zone = load_profile(profile).time_zone
    rules = load_mapping(mapping or folder_of(profile) / "open311.yaml", time_zone=zone)
    if since is not None:
        asked = replace(asked, since=_since(since, zone))
    with _progress() as on_progress:
        return poll(settings, rules, asked, rejects_dir=rejects, is_dry=dry_run, on_progress=on_progress)


def _since(text: str, zone: str) -> datetime:
    at = common.a_moment(text)
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def _tell(found: Poll) -> None:
    """Print what was read, then what became of it."""
    from gridrates.cli.produce_csv import tell
    from producers.open311.polling import texts_of

    out = common.stdout()
    out.print(f"{found.requests:,} requests read with {found.questions:,} questions", markup=False)
    if found.pending:
        out.print(f"{found.pending:,} requests have no id yet; a later poll reads them")
    if found.requests:
        tell(found.summary)
    if found.missing:
        some = ", ".join(found.missing[:3])
        common.say(
            f"The server no longer has {len(found.missing):,} requests that were open, such as {some}."
        )
    if found.doubtful:
        common.say(
            f"The server knows no pages and may keep back requests of {len(found.doubtful):,} minutes: "
            f"{texts_of(found.doubtful)}."
        )
    if found.unknown:
        common.say(f"No request had what the mapping names: {', '.join(found.unknown)}.")


def _leave(found: Poll) -> None:
    """Leave with the exit code that belongs to what was found."""
    from gridrates.cli.produce_csv import leave_if_unsent

    if found.signal_number is not None:
        common.say("Stopped; nothing was sent.")
        raise typer.Exit(128 + found.signal_number)
    if found.sent is not None:
        leave_if_unsent(found.sent)
    if found.summary.rejected:
        raise typer.Exit(InputError.exit_code)


def _tell_services(settings: Settings, asked: Asked, as_json: bool) -> None:
    from producers.open311.polling import offered

    found = offered(settings, asked)
    if as_json:
        common.print_json(found)
        return
    out = common.stdout()
    for service in found:
        names = (service.get(name, "") for name in ("service_code", "group", "service_name"))
        out.print("  ".join(names), markup=False)
        for asked_for in service.get("attributes", []):
            out.print(f"  attributes.{asked_for.get('code')}  {asked_for.get('description')}", markup=False)


@contextmanager
def _progress() -> Iterator[Callable[[int], object]]:
    """How many requests have been read; how many there are, nobody says."""
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.completed:,} requests"), TimeElapsedColumn()
    with common.bar(*columns) as display:
        task = display.add_task("polling", total=None)
        yield lambda count: display.update(task, completed=count)
