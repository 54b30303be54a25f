"""Upkeep: archive payloads, prune generations, compact the live file, send dead letters again.

Every step may be repeated at any time, takes the locks it needs by itself, and leaves what was there when it
dies in the middle. `gridrates maintain` and the DAGs `maintenance` and `reprocess_dead_letters` call these
functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from gridrates.errors import InputError
from gridrates.replays import replay_dead_letters, try_dead_letters
from gridrates.settings import Settings
from warehouse.archive import archive_payloads
from warehouse.compaction import Compaction
from warehouse.compaction import compact as compact_file
from warehouse.dead_letters import Which
from warehouse.live import open_live
from warehouse.mending import ByExpression
from warehouse.published import prune_generations


def archive(settings: Settings, *, now: datetime | None = None) -> dict[str, int]:
    """Move payloads of long ago to Parquet; month → events. Raises WarehouseError, ResourceError."""
    if settings.archive_payload_months is None:
        return {}
    with open_live(settings, command="gridrates maintain") as connection:
        return archive_payloads(connection, settings, now=now or datetime.now(UTC))


def prune(settings: Settings) -> list[int]:
    """Remove published generations beyond `keep_generations`; the numbers removed."""
    return prune_generations(settings)


def compact(settings: Settings, *, force: bool = False) -> Compaction:
    """Write the live file anew when too much of it is empty. Raises WarehouseError, ResourceError."""
    return compact_file(settings, force=force)


def reprocess(
    settings: Settings,
    *,
    ids: Sequence[int] = (),
    reason: str | None = None,
    everything: bool = False,
    mend: str = "payload",
    encoding: str = "utf-8",
    note: str | None = None,
    dry_run: bool = False,
) -> dict[str, int]:
    """Mend open dead letters and send those that are good now; how many were `sent` and are `still_open`.

    Raises InputError when nothing is chosen, and what a replay raises.
    """
    if not (ids or reason or everything):
        raise InputError(
            "No dead letter is chosen.",
            remedy="Give `ids`, a `reason`, or `everything`; never all by mistake.",
        )
    which = Which(ids=tuple(ids), reason=reason)
    mending = ByExpression(mend, encoding=encoding)
    if dry_run:
        done = try_dead_letters(settings, which, mending=mending)
    else:
        done = replay_dead_letters(settings, which, mending=mending, note=note)
    return {"sent": done.sent, "still_open": sum(done.still_open.values())}
