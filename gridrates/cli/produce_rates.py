"""`gridrates produce rates`: send published rates to the topic of rates."""

from __future__ import annotations

from typing import Annotated

import typer

from gridrates.cli import common
from gridrates.errors import InputError

NO_TOPIC = "Nothing is sent: `rates_topic` is empty"


def register(produce: typer.Typer) -> None:
    """Add `produce rates`."""
    produce.command(
        epilog=common.examples(
            "gridrates produce rates                    # the last whole day",
            "gridrates produce rates --date 2026-05-01",
        )
    )(rates)


def rates(
    ctx: typer.Context,
    dates: Annotated[
        list[str] | None,
        typer.Option("--date", help="Business date, such as 2026-05-01. [dim]Default: the last whole day[/]"),
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Send the published rates of business dates to `rates_topic`, one event a row of `daily_rates`.

    The topic is compacted: it keeps the latest figures of each date, level, code and kind of work. Airflow
    does so after every publication (DAG `hand_on_rates`); this is for dates of before, and for those without
    Airflow.
    """
    from gridrates.published_client import open_published
    from gridrates.published_rates import last_date
    from producers.published_rates import send_published_rates

    settings = common.settings(ctx)
    days = [common.a_date(text) for text in dates or ()]
    if not days:
        with open_published(settings) as connection:
            days = [last_date(connection)]
    sent = send_published_rates(settings, days)
    if settings.rates_topic and not sent:
        raise InputError(
            f"No rates are published for {', '.join(sorted(map(str, days)))}.",
            remedy='See `gridrates query "FROM published_dates"` for the dates that are.',
        )
    if as_json:
        common.print_json({"sent": sent, "topic": settings.rates_topic, "dates": sorted(map(str, days))})
    else:
        common.say(f"{sent:,} events sent to {settings.rates_topic}" if settings.rates_topic else NO_TOPIC)
