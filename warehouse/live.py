"""The live DuckDB file: one writer, no readers.

Reads and writes `<home>/warehouse/`: `live.duckdb`, its `live.lock` and the spill directory. Guarantees
that who holds the connection is the only writer, that the file is at this program's migration and that
it belongs to the profile in use.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb

from gridrates.errors import WarehouseError
from gridrates.settings import Settings
from warehouse.disk import clear_spill
from warehouse.failures import explained_duckdb, explained_files
from warehouse.lock import writer_lock
from warehouse.migrate import migrate
from warehouse.statements import statement

# Written out so that a newer DuckDB keeps writing what every 1.5 can read; zstd and the newer string
# compressions need at least 1.2.
STORAGE_VERSION = "v1.5.0"


def lock_path(settings: Settings) -> Path:
    """The lock that stands for the right to write."""
    return settings.warehouse_path.with_name("live.lock")


@contextmanager
def open_live(settings: Settings, *, command: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the live file for writing, creating and migrating it as needed.

    `command` is what a second writer is told is running. The connection works in UTC; rooms take their
    own `.cursor()`. Raises WarehouseError (another writer, another profile, a newer file) or
    ResourceError (no room, no permission).
    """
    path = settings.warehouse_path
    with ExitStack() as held:
        with explained_files(path.parent):
            spill_directory(settings).mkdir(parents=True, exist_ok=True)
            held.enter_context(
                writer_lock(
                    lock_path(settings), command=command, timeout_seconds=settings.lock_timeout_seconds
                )
            )
            clear_spill(spill_directory(settings))
        held.enter_context(explained_duckdb(path))
        connection = held.enter_context(_connect(settings))
        migrate(connection)
        _claim(connection, Path(settings.profile).absolute().name)
        yield connection


def spill_directory(settings: Settings) -> Path:
    """Where DuckDB puts what does not fit into memory."""
    return settings.warehouse_path.with_name("spill")


def _connect(settings: Settings) -> duckdb.DuckDBPyConnection:
    options: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.duckdb_memory_limit,
        "threads": settings.duckdb_threads,
        "temp_directory": str(spill_directory(settings)),
        "storage_compatibility_version": STORAGE_VERSION,
        "autoinstall_known_extensions": False,
    }
    connection = duckdb.connect(str(settings.warehouse_path), config=options)
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection


def _claim(connection: duckdb.DuckDBPyConnection, profile: str) -> None:
    """Remember whose file this is; refuse another profile's."""
    row = connection.execute("SELECT profile FROM ops_warehouse").fetchone()
    if row is None:
        connection.execute(statement("insert_ops_warehouse"), [profile])
    elif row[0] != profile:
        raise WarehouseError(
            f"This warehouse holds the profile {row[0]!r}; the one in use is {profile!r}.",
            remedy=f"Use --profile {row[0]}, or another GRIDRATES_HOME for {profile}.",
        )
