"""`gridrates held`: what the gate holds back, and letting it pass by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from gridrates.cli import common

if TYPE_CHECKING:
    from datetime import date

    from expectations.holds import Hold

SHOWN_KEYS = 5

held = typer.Typer(no_args_is_help=True, help="See what the gate holds back, and let it pass by name.")


def register(app: typer.Typer) -> None:
    """Add `gridrates held`."""
    app.add_typer(held, name="held")


@held.command(name="list", epilog=common.examples("gridrates held list", "gridrates held list --json"))
def list_(ctx: typer.Context, as_json: common.Json = False) -> None:
    """List the rules that hold dates back: which dates, what to do, and the first wrong rows by their keys.

    Waits for nobody: while another command writes, it says who.
    """
    from expectations.holds import list_holds, wrong_keys
    from warehouse.live import open_live

    with open_live(common.settings(ctx), command="gridrates held list") as connection:
        holds = list_holds(connection)
        keys = wrong_keys(connection, limit=SHOWN_KEYS)
    if as_json:
        common.print_json([asdict(hold) | {"keys": keys.get(hold.name, [])} for hold in holds])
        return
    if not holds:
        common.say("Nothing is held back.")
    for name, found in groupby(sorted(holds, key=lambda hold: hold.name), key=lambda hold: hold.name):
        _print(name, list(found), keys.get(name, []))


@held.command(
    epilog=common.examples("gridrates held release raw_event.event_unique --by Li --note 'sent twice'")
)
def release(
    ctx: typer.Context,
    rule: Annotated[str, typer.Argument(help="As `held list` shows it.")],
    by: Annotated[str, typer.Option("--by", help="Who lets it pass.")],
    note: Annotated[str, typer.Option("--note", help="Why.")],
    day: Annotated[
        str | None, typer.Option("--date", help="Business date; left out for a rule that holds everything.")
    ] = None,
) -> None:
    """Let a date pass although a rule fails there. Name and reason stay on record.

    It covers as many wrong rows as there are now: one more, and the date is held back again. The next
    `gridrates run` publishes it.
    """
    from expectations.holds import release as let_pass
    from warehouse.live import open_live

    wanted = common.a_date(day) if day else None
    with open_live(common.settings(ctx), command="gridrates held release") as connection:
        hold = let_pass(connection, rule=rule, business_date=wanted, granted_by=by, reason=note)
    common.stdout().print(
        f"{hold.name} lets {hold.business_date or 'everything'} pass (wrong rows: {hold.failing_count:,}). "
        "`gridrates run` publishes it.",
        markup=False,
    )


def _print(name: str, holds: list[Hold], keys: Iterable[str]) -> None:
    """A rule with its dates, its remedy and its first wrong rows."""
    dates: list[date] = [hold.business_date for hold in holds if hold.business_date]
    released = sum(hold.is_released for hold in holds)
    out = common.stdout()
    out.print(
        f"{name}: {common.span(dates) if dates else 'everything'}, "
        f"wrong rows at most on one: {max(hold.failing_count for hold in holds):,}"
        + (f", {released} released" if released else ""),
        markup=False,
    )
    out.print(f"  {holds[0].remedy}", markup=False)
    out.print(f"  rows: {', '.join(keys) or '—'}", markup=False)
