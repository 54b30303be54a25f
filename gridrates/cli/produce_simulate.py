"""`gridrates produce simulate`: send the events of a simulated street."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridrates.cli import common
from gridrates.errors import InputError

if TYPE_CHECKING:
    from producers.simulator import Batch, Simulation, Summary


def register(produce: typer.Typer) -> None:
    """Add `produce simulate`."""
    produce.command(
        epilog=common.examples(
            "gridrates produce simulate                                # the demo street",
            "gridrates produce simulate --scale 100 --out events.jsonl",
            "gridrates produce simulate --from 2026-07-01 --realtime   # live",
        )
    )(simulate)


def simulate(
    ctx: typer.Context,
    scenario: Annotated[
        Path | None, typer.Option(help="What happens. [dim]Default: scenario.yaml of the profile[/]")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Another course of events. [dim]Default: the scenario's[/]")
    ] = None,
    scale: Annotated[float, typer.Option(help="So many times the cases, activities and projects.")] = 1.0,
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="Move the scenario so that it starts on this day."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Send nothing after this day.")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="At most so many events a second.")] = None,
    realtime: Annotated[
        bool, typer.Option("--realtime", help="Send no event before its time: the past at once, then live.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write JSON lines to a file (- is standard output), not to Kafka.")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Invent a street's events and send them, in the order in which they would arrive.

    The same scenario, seed and scale give the same bytes. Some events are sent twice, late or spoilt on
    purpose: the summary says how many, and the landing must find as many.
    """
    from producers.simulator import Tally
    from producers.simulator.delivery import STDOUT, paced, to_file, to_kafka

    if scale <= 0 or (rate is not None and rate <= 0):
        raise InputError("--scale and --rate must be more than 0.", remedy="Leave them out for the usual.")
    settings = common.settings(ctx)
    simulation = _simulation(settings.profile, scenario, since, seed, scale)
    tally, began = Tally(simulation), time.monotonic()
    batches = simulation.batches(until.date() if until else None)
    with _watched(paced(batches, rate=rate, live=realtime)) as watched:
        signal = to_file(out, watched, tally) if out else to_kafka(settings, watched, tally)
    _tell(tally.summary(), time.monotonic() - began, as_json, to_stderr=out == STDOUT)
    if signal is not None:
        common.say("Stopped before the end of the scenario.")
        raise typer.Exit(128 + signal)


def _simulation(
    profile: str, scenario: Path | None, since: datetime | None, seed: int | None, scale: float
) -> Simulation:
    from gridrates.profile import load_profile
    from producers.simulator import Simulation, load_scenario, moved, scenario_path

    plan = load_scenario(scenario or scenario_path(profile))
    if since:
        plan = moved(plan, since.date())
    return Simulation(load_profile(profile), plan, seed=seed, scale=scale)


@contextmanager
def _watched(batches: Iterator[Batch]) -> Iterator[Iterator[Batch]]:
    """The same batches, with a line that tells how far they have come."""
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with common.bar(*columns) as progress:
        task, sent = progress.add_task("simulating", total=None), 0

        def watched() -> Iterator[Batch]:
            nonlocal sent
            for batch in batches:
                yield batch
                sent += len(batch.records)
                day = datetime.fromtimestamp(int(batch.rows["sent"][-1]))
                progress.update(task, description=f"{sent:,} records, to {day:%Y-%m-%d}")

        yield watched()


def _tell(summary: Summary, seconds: float, as_json: bool, *, to_stderr: bool) -> None:
    """Print the summary; beside the events when they go to standard output."""
    if as_json:
        figures = summary.model_dump() | {"seconds": round(seconds, 3)}
        typer.echo(json.dumps(figures, ensure_ascii=False, indent=2), err=to_stderr)
        return
    bad = sum(summary.malformed.values())
    cases = sum(sum(lives.values()) for lives in summary.cases.values())
    console = common.stderr() if to_stderr else common.stdout()
    console.print(
        f"{summary.records:,} records sent: {summary.events:,} events ({cases:,} cases reported; "
        f"{summary.late:,} events late), {summary.duplicates:,} sent twice, {bad:,} malformed"
    )
    common.say(f"{seconds:.1f} s, {summary.records / max(seconds, 1e-9):,.0f} records/s")
