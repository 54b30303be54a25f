"""`gridrates replay`: what was landed, read again or sent again."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from gridrates.cli import common
from gridrates.cli.stopping import watched
from gridrates.errors import InputError

if TYPE_CHECKING:
    from gridrates.pipeline import PassSummary
    from gridrates.replays import Resent
    from gridrates.settings import Settings
    from warehouse.rereading import Rereading, Span

STAGES = {
    "reread": "reading kept payloads again",
    "fold": "folding cases",
    "compute": "computing rates",
    "check_marts": "checking facts and rates",
    "publish": "publishing",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=common.examples(
            "gridrates replay                       # after an upgrade: everything",
            "gridrates replay --from 2026-05-01 --to 2026-06-01",
            "gridrates replay --topic case-events-2 # to another topic",
        )
    )(replay)


def replay(
    ctx: typer.Context,
    first: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Events that occurred from here on.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Events that occurred before.")
    ] = None,
    topic: Annotated[str | None, typer.Option(help="Send the events to this topic; rebuild nothing.")] = None,
    as_json: common.Json = False,
) -> None:
    """Read what was landed again, from the original payloads, and rebuild everything from it.

    Payloads are read from the warehouse and from the Parquet files that maintenance moved them to.

    Fields that the contract has learnt since an event was landed are filled in. An event that the contract
    of today would refuse stays as it was. Then cases and rates are made anew, checked and published. With
    --topic the payloads are sent instead, in the order they were landed. Doing it twice does no harm.

    A time without an offset is meant in the profile's time zone. Exit code 2 when payloads were not kept
    (GRIDRATES_KEEP_PAYLOAD) or refused, 5 when a business date was held back.
    """
    settings = common.settings(ctx)
    span = _span(settings, first, last)
    if topic is not None:
        _resend(settings, span, topic, as_json)
    else:
        _rebuild(settings, span, as_json)


def _span(settings: Settings, first: str | None, last: str | None) -> Span:
    from gridrates.profile import load_profile
    from warehouse.rereading import Span

    zone = ZoneInfo(load_profile(settings.profile).time_zone)
    span = Span(*(None if text is None else _in_zone(text, zone) for text in (first, last)))
    if span.first and span.last and span.first >= span.last:
        raise InputError("--from is not before --to.", remedy="Exchange them.")
    return span


def _in_zone(text: str, zone: ZoneInfo) -> datetime:
    moment = common.a_moment(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _resend(settings: Settings, span: Span, topic: str, as_json: bool) -> None:
    from gridrates.replays import resend

    with common.stderr().status(f"sending to {topic}"):
        done = resend(settings, span, topic)
    if as_json:
        common.print_json(asdict(done))
    else:
        common.stdout().print(f"{done.sent:,} events sent to {topic}", markup=False)
    _leave(done, done.refused)


def _rebuild(settings: Settings, span: Span, as_json: bool) -> None:
    from gridrates.pipeline import raise_for_held_back
    from gridrates.replays import rebuild

    with watched(STAGES) as watch:
        done, summary = rebuild(settings, span, watch=watch)
    _tell_rebuilt(done, summary, as_json)
    raise_for_held_back(summary.held_back)
    _leave(done, sum(done.refused.values()))


def _tell_rebuilt(done: Rereading, summary: PassSummary, as_json: bool) -> None:
    publication = summary.publication
    assert publication
    if as_json:
        common.print_json(
            asdict(done)
            | {
                "folded_cases": summary.folded_cases,
                "computed": [str(day) for day in summary.computed],
                "restated": summary.restated,
                "generation": publication.generation,
            }
        )
        return
    common.stdout().print(
        f"{done.read:,} payloads read again, {done.changed:,} events changed\n"
        f"{summary.folded_cases:,} cases folded; {common.span(summary.computed)} computed; "
        f"generation {publication.generation} published"
    )


def _leave(done: Rereading | Resent, refused: int) -> None:
    """Say what could not be done again; exit code 2 if there is any."""
    if refused:
        common.say(f"{refused:,} events were refused.")
    if done.without_payload:
        common.say(
            f"{done.without_payload:,} events have no payload: it was not kept, or its archive is gone."
        )
    if refused or done.without_payload:
        raise typer.Exit(InputError.exit_code)
