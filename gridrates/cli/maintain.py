"""`gridrates maintain`: keep the house from filling up."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from gridrates.cli import common
from gridrates.cli.stopping import watched

STEPS = {
    "archive": "archiving payloads",
    "prune": "removing old generations",
    "compact": "compacting the live file",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=common.examples(
            "gridrates maintain",
            "gridrates maintain --compact     # whatever the share of empty blocks",
        )
    )(maintain)


def maintain(
    ctx: typer.Context,
    force: Annotated[
        bool, typer.Option("--compact", help="Compact the live file even if little of it is empty.")
    ] = False,
    as_json: common.Json = False,
) -> None:
    """Archive payloads of long ago, remove old generations, compact the live file.

    What is due is a setting: `archive_payload_months`, `keep_generations`, `compact_free_share`. May be
    repeated at any time; a death in the middle leaves what was there.
    """
    from gridrates import maintenance

    settings = common.settings(ctx)
    with watched(STEPS) as watch:
        watch("archive")
        archived = maintenance.archive(settings)
        watch("prune")
        pruned = maintenance.prune(settings)
        watch("compact")
        compaction = maintenance.compact(settings, force=force)
    if as_json:
        result = {"archived": archived, "pruned": pruned, "compaction": asdict(compaction)}
        common.print_json(result)
        return
    for month, events in archived.items():
        common.stdout().print(f"archived    {month}: {events:,} payloads")
    common.stdout().print(f"pruned      {len(pruned)} generations")
    done = f"{compaction.bytes_before / 1e6:.1f} MB, {compaction.free_share:.0%} empty"
    after = f" → {compaction.bytes_after / 1e6:.1f} MB" if compaction.is_done else ", left as it is"
    common.stdout().print(f"live file   {done}{after}")
