"""`gridrates run` and its stages: land, check, transform, publish."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrates.cli import common
from gridrates.cli.stopping import watched

if TYPE_CHECKING:
    from gridrates.pipeline import Pass, PassSummary
    from warehouse.landing import LandingSummary
    from warehouse.published import Publication

Full = Annotated[bool, typer.Option("--full", help="Fold and compute everything again.")]
STAGES = {
    "land": "landing events",
    "check_raw": "checking what was landed",
    "fold": "folding cases",
    "compute": "computing rates",
    "check_marts": "checking facts and rates",
    "publish": "publishing",
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog=common.examples(
            "gridrates run", "gridrates run --full --json   # everything again, for a script"
        )
    )(run)
    app.command(epilog=common.examples("gridrates land"))(land)
    app.command(epilog=common.examples("gridrates check", "gridrates check --json"))(check)
    app.command(
        epilog=common.examples(
            "gridrates transform",
            "gridrates transform --dates 2026-05-01 --dates 2026-05-02",
            "gridrates transform --full",
        )
    )(transform)
    app.command(epilog=common.examples("gridrates publish"))(publish)


def run(ctx: typer.Context, full: Full = False, as_json: common.Json = False) -> None:
    """One pass: land, check, transform, check, publish.

    Only what changed is computed again. Exit code 5 when a business date was held back by the gate; all
    others are published by then.
    """
    from gridrates import pipeline

    with watched(STAGES) as watch:
        summary = pipeline.run(common.settings(ctx), full=full, watch=watch)
    if as_json:
        common.print_json(_as_json(summary))
    else:
        _print(summary)
    pipeline.raise_for_held_back(summary.held_back)


def land(
    ctx: typer.Context,
    accept_loss: Annotated[
        bool,
        typer.Option(
            "--accept-loss", help="Go on where the log has lost what should come next; recorded for ever."
        ),
    ] = False,
    as_json: common.Json = False,
) -> None:
    """Land what is on the topic, and do nothing else."""
    with _pass(ctx, "gridrates land") as this:
        landing = this.land(accept_loss=accept_loss)
    _tell(asdict(landing), _landed(landing), as_json)


def check(ctx: typer.Context, as_json: common.Json = False) -> None:
    """Check everything there is: what was landed, the facts, the rates. Exit code 5 when something fails.

    A date that is published and does not pass stays published; `gridrates held list` shows its rows. Every
    rule and what it found is on a page of the Data Docs, below quality/ in the home.
    """
    from expectations.gate import DataDocs
    from gridrates.pipeline import raise_for_held_back

    with _pass(ctx, "gridrates check") as this:
        this.docs = DataDocs(this.settings.home_dir / "quality")
        this.check_raw()
        dates = this.all_dates()
        failed = this.check_marts(dates)
    verdict = f"{common.span(list(failed))} failed" if failed else "passed"
    _tell(
        {"held_back": {str(day): rules for day, rules in failed.items()}},
        f"{common.span(dates)} checked: {verdict}",
        as_json,
    )
    common.say(f"Data Docs: {this.docs.index}")
    raise_for_held_back(failed)


def transform(
    ctx: typer.Context,
    dates: Annotated[
        list[str] | None, typer.Option(metavar="DATE", help="Business dates; default: those that are stale.")
    ] = None,
    full: Full = False,
    as_json: common.Json = False,
) -> None:
    """Fold touched cases and compute the rates of stale business dates."""
    wanted = [common.a_date(text) for text in dates or ()]
    with _pass(ctx, "gridrates transform") as this:
        folded = this.fold(full=full)
        computed = this.compute(wanted or this.due_dates())
    said = f"{folded.cases:,} cases folded; {common.span(computed.dates)} computed"
    _tell({"cases": folded.cases, "dates": [str(day) for day in computed.dates]}, said, as_json)


def publish(ctx: typer.Context, as_json: common.Json = False) -> None:
    """Publish what was computed and not held back, as the next generation."""
    with _pass(ctx, "gridrates publish") as this:
        publication = this.publish()
    said = f"{_published(publication)}\n{publication.path}"
    _tell({"generation": publication.generation, "rows": publication.rows}, said, as_json)


@contextmanager
def _pass(ctx: typer.Context, command: str) -> Iterator[Pass]:
    from gridrates.pipeline import open_pass

    with watched(STAGES) as watch, open_pass(common.settings(ctx), command, watch=watch) as this:
        yield this


def _tell(content: dict[str, Any], said: str, as_json: bool) -> None:
    """Print the content for machines, or what is said of it to people."""
    if as_json:
        common.print_json(content)
    else:
        common.stdout().print(said, markup=False)


def _as_json(summary: PassSummary) -> dict[str, Any]:
    publication = summary.publication
    return {
        "run_id": summary.run_id,
        "landing": asdict(summary.landing) if summary.landing else None,
        "folded_cases": summary.folded_cases,
        "is_full": summary.is_full,
        "computed": [str(day) for day in summary.computed],
        "held_back": {str(day): list(rules) for day, rules in summary.held_back.items()},
        "generation": publication.generation if publication else None,
        "published": str(publication.path) if publication else None,
        "rows": publication.rows if publication else {},
        "seconds": {stage: round(seconds, 3) for stage, seconds in summary.seconds.items()},
    }


def _print(summary: PassSummary) -> None:
    from rich.table import Table

    landing, publication = summary.landing, summary.publication
    assert landing and publication
    said = {
        "land": _landed(landing),
        "check_raw": "passed",
        "fold": f"{summary.folded_cases:,} cases{' (full rebuild)' if summary.is_full else ''}",
        "compute": common.span(summary.computed),
        "check_marts": _verdict(summary.held_back),
        "publish": _published(publication),
    }
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for stage, seconds in summary.seconds.items():
        table.add_row(stage.replace("_", " "), f"{seconds:7.2f} s", said[stage])
    table.add_row("[bold]total[/]", f"[bold]{sum(summary.seconds.values()):7.2f} s[/]")
    common.stdout().print(table)
    # Below the table, which would cut a path that is longer than the terminal is wide.
    common.stdout().print(str(publication.path), markup=False)


def _landed(landing: LandingSummary) -> str:
    masked = "".join(f", {mark} {count:,}" for mark, count in sorted(landing.masked.items()))
    return (
        f"{landing.read:,} read = {landing.landed:,} landed + {landing.duplicates:,} duplicates "
        f"+ {landing.rejected:,} rejected{masked}"
    )


def _verdict(held: Mapping[date, Sequence[str]]) -> str:
    return f"{common.span(list(held))} held back" if held else "passed"


def _published(publication: Publication) -> str:
    return f"generation {publication.generation}, {sum(publication.rows.values()):,} rows"
