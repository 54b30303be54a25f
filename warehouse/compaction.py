"""Writes the live file anew without the gaps that deleting and updating left in it.

Reads and replaces `<home>/warehouse/live.duckdb`. DuckDB uses a file's free blocks again but gives back only
those at its end. Guarantees that the file is the old one or the whole new one, whenever a death comes: the
copy is made aside, compared table by table, forced to the disk and switched by one rename, under the writer's
lock.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from gridrates.errors import ResourceError, WarehouseError
from gridrates.settings import Settings
from warehouse.failures import explained_duckdb, explained_files
from warehouse.live import STORAGE_VERSION, lock_path, spill_directory
from warehouse.lock import writer_lock
from warehouse.statements import statement

# The copy needs what is used; a little more, so that nobody else runs out of room meanwhile.
_MARGIN = 1.2
_COPY = "compacted"


@dataclass(frozen=True)
class Compaction:
    """What became of the file: its share of free blocks, and its bytes before and after."""

    free_share: float
    bytes_before: int
    bytes_after: int
    is_done: bool


def compact(settings: Settings, *, force: bool = False) -> Compaction:
    """Compact the live file when its free share has passed `compact_free_share`, or when `force` is set.

    Raises WarehouseError (another writer; a copy that differs) or ResourceError (no room for the copy); then
    the file is as it was.
    """
    path = settings.warehouse_path
    if not path.exists():
        return Compaction(0.0, 0, 0, is_done=False)
    with _alone(settings), explained_files(path), explained_duckdb(path):
        aside = path.with_name("live.compacted")
        # What a dead compaction left.
        for left in (aside, aside.with_name(f"{aside.name}.wal")):
            left.unlink(missing_ok=True)
        before = path.stat().st_size
        with _open(settings) as connection:
            free_share, used = _blocks(connection)
            if not force and free_share <= settings.compact_free_share:
                return Compaction(free_share, before, before, is_done=False)
            _require_room(path, used)
            _copy(connection, aside)
        _switch(aside, path)
        return Compaction(free_share, before, path.stat().st_size, is_done=True)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    with writer_lock(
        lock_path(settings), command="gridrates maintain", timeout_seconds=settings.lock_timeout_seconds
    ):
        yield


@contextmanager
def _open(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    options: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.duckdb_memory_limit,
        "threads": settings.duckdb_threads,
        "temp_directory": str(spill_directory(settings)),
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(str(settings.warehouse_path), config=options) as connection:
        # What the log before it holds belongs into the file before it is measured.
        connection.execute("CHECKPOINT")
        yield connection


def _blocks(connection: duckdb.DuckDBPyConnection) -> tuple[float, int]:
    """The share of free blocks, and the bytes of those that are used."""
    row = connection.execute(statement("database_blocks")).fetchone()
    assert row is not None
    total, free, size = row
    return (free / total if total else 0.0), (total - free) * size


def _require_room(path: Path, used: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if free < used * _MARGIN:
        raise ResourceError(
            f"Compacting {path} needs {used * _MARGIN / 1e9:.1f} GB beside it; {free / 1e9:.1f} GB are free.",
            remedy="Make room first; docs/runbooks/disk.md says where.",
        )


def _copy(connection: duckdb.DuckDBPyConnection, aside: Path) -> None:
    """Write everything to a new file; leave it only if it holds the same tables with as many rows."""
    (name,) = connection.execute("SELECT current_database()").fetchone() or ("live",)
    place = str(aside).replace("'", "''")
    connection.execute(f"ATTACH '{place}' AS {_COPY} (STORAGE_VERSION '{STORAGE_VERSION}')")
    connection.execute(f"COPY FROM DATABASE {name} TO {_COPY}")
    connection.execute(f"CHECKPOINT {_COPY}")
    old, new = _counts(connection, name), _counts(connection, _COPY)
    connection.execute(f"DETACH {_COPY}")
    if old != new:
        aside.unlink(missing_ok=True)
        raise WarehouseError(
            f"The compacted copy differs in {sorted(set(old.items()) ^ set(new.items()))}; the file stays.",
            remedy="Keep the file, and report this.",
        )


def _counts(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, int]:
    """Rows by table."""
    tables = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND NOT temporary", [database]
    ).fetchall()
    counts = {}
    for (table,) in tables:
        row = connection.execute(f'SELECT count(*) FROM {database}.main."{table}"').fetchone()
        assert row is not None
        counts[table] = int(row[0])
    return counts


def _switch(aside: Path, path: Path) -> None:
    """Force the copy to the disk and put it in the file's place, in one rename."""
    for each in (aside, aside.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    aside.replace(path)
