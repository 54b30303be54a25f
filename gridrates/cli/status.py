"""`gridrates status`: is it all right?"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from gridrates.cli import common

if TYPE_CHECKING:
    from gridrates.status import Line


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=common.examples(
            "gridrates status",
            "gridrates status --json || notify   # exit code: 0 green, 10 yellow, 20 red",
        )
    )(status)


def status(ctx: typer.Context, as_json: common.Json = False) -> None:
    """Say in five lines whether it is all right.

    Landing, freshness, rejects, checks, disk: each green, yellow or red, with what to do; below them what
    `gridrates health` measured last and found beyond its limit. The exit code is 0, 10 or 20, by the worst of
    the five. Safe at any time: the live file is not opened.
    """
    from gridrates import statefile
    from gridrates.status import collect

    settings = common.settings(ctx)
    lines = collect(settings)
    measured = statefile.read(settings).get("health", {})
    worst = max(line.level for line in lines)
    if as_json:
        entries = [asdict(line) | {"level": line.level.name.lower()} for line in lines]
        common.print_json({"level": worst.name.lower(), "lines": entries, "health": measured})
    else:
        _print(lines)
        _print_measured(measured)
    raise typer.Exit(worst.exit_code)


def _print(lines: list[Line]) -> None:
    """The five lines, then what to do about those that are not green."""
    from rich.text import Text

    for line in lines:
        colour = line.level.name.lower()
        head = f"{line.name:10}{line.zh} "
        common.stdout().print(
            Text.assemble(("● ", colour), (head, "bold"), (f"{colour:7}", colour), line.text)
        )
    for line in lines:
        if line.remedy:
            common.stdout().print(Text(f"  {line.name}: {line.remedy}", "dim"))


def _print_measured(measured: dict[str, Any]) -> None:
    """What health found beyond its limit when it measured last."""
    from rich.text import Text

    findings = measured.get("findings", [])
    beyond = [each for each in findings if each["level"] != "green"]
    if findings:
        moment = f"{datetime.fromisoformat(measured['at']).astimezone():%Y-%m-%d %H:%M}"
        text = f"measured {moment}: {len(findings)} figures, {len(beyond)} beyond their limit"
        common.stdout().print(Text(text, "dim"))
    for each in beyond:
        common.stdout().print(Text.assemble("  ", ("● ", each["level"]), f"{each['text']}. {each['remedy']}"))
