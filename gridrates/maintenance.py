"""What keeps the house from filling up: archive payloads, prune generations, compact the live file.

Every step may be repeated at any time, takes the locks it needs by itself, and leaves what was there when it
dies in the middle. `gridrates maintain` and the DAG `maintenance` call the same functions.
"""

from __future__ import annotations

from datetime import UTC, datetime

from gridrates.settings import Settings
from warehouse.archive import archive_payloads
from warehouse.compaction import Compaction
from warehouse.compaction import compact as compact_file
from warehouse.live import open_live
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
