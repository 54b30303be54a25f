"""`gridrates health`: measure the pipeline itself and keep the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gridrates.cli import common

if TYPE_CHECKING:
    from gridrates.health import Finding


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=common.examples(
            "gridrates health",
            "gridrates health --tell             # for cron where there is no Airflow",
            "gridrates health --json || notify   # exit code: 0 green, 10 yellow, 20 red",
        )
    )(health)


def health(
    ctx: typer.Context,
    tell: Annotated[
        bool, typer.Option("--tell", help="Send alerts for what is beyond its limit, and for what is over.")
    ] = False,
    as_json: common.Json = False,
) -> None:
    """Measure lag, freshness, rejects, the gate, durations, sizes and room, each held to its limit.

    The limits are settings (`health_…`). The figures are kept and are published as `pipeline_health`. Writes
    the live file, as `land` does: while another command writes it, use `gridrates status`, which opens
    nothing. The exit code is 0, 10 or 20, by the worst figure.
    """
    from gridrates import pipeline

    measure = pipeline.watch_health if tell else pipeline.check_health
    findings = measure(common.settings(ctx))
    worst = max(finding.level for finding in findings)
    if as_json:
        entries = [finding.as_dict() for finding in findings]
        common.print_json({"level": worst.name.lower(), "findings": entries})
    else:
        _print(findings)
    raise typer.Exit(worst.exit_code)


def _print(findings: list[Finding]) -> None:
    """A line a figure, then what to do about those that are not green."""
    from rich.text import Text

    from gridrates.health import spoken

    for each in findings:
        value, limit = spoken(each.value, each.unit), spoken(each.limit, each.unit)
        colour = each.level.name.lower()
        text = Text.assemble(("● ", colour), (f"{each.key:42}", "bold"), f"{value:>22}  limit {limit}")
        common.stdout().print(text)
    for each in findings:
        if each.remedy:
            said = f" {each.detail}" if each.detail else ""
            page = f"docs/runbooks/{each.runbook}.md"
            common.stdout().print(Text(f"  {each.key}:{said} {each.remedy} See {page}.", "dim"))
