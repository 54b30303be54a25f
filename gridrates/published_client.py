"""Reading the published file: which generation is in force, and a read-only connection to it.

Reads `<home>/published/`; writes nothing there. Guarantees that a connection stays on one whole
generation for as long as it is open, however many are published meanwhile, and reaches no other file.
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from gridrates.errors import ResourceError, WarehouseError
from gridrates.settings import Settings

CURRENT = "current"
DATABASE = "gridrates.duckdb"
MANIFEST = "manifest.json"

_ATTEMPTS = 5
_closing_off = Lock()


def published_path(settings: Settings) -> Path:
    """The database file of the generation in force, with no link in its path.

    A process that still had the last generation open by the link would be given that one again by a
    DuckDB that knows files by the path they were opened with. Raises WarehouseError when nothing is
    published.
    """
    try:
        return settings.current_path.resolve(strict=True)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise WarehouseError(
            f"Nothing has been published yet below {settings.published_dir}.",
            remedy="Run `gridrates run`, or point GRIDRATES_HOME at the home that publishes.",
        ) from error


@contextmanager
def open_published(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the generation in force, in the profile's time zone.

    Raises WarehouseError when nothing is published, and ResourceError when memory is too little for what is
    asked.
    """
    try:
        with _connect(settings) as connection:
            _close_off(connection)
            row = connection.execute("SELECT time_zone FROM publication").fetchone()
            connection.execute("SET TimeZone = ?", [row[0] if row else "UTC"])
            yield connection
    except duckdb.OutOfMemoryException as error:
        said = str(error).partition("\n")[0].rstrip(".")
        raise ResourceError(
            f"The question needs more memory than it may have ({said}).",
            remedy="Ask for less, or raise GRIDRATES_DUCKDB_MEMORY_LIMIT.",
        ) from error


def read_manifest(settings: Settings) -> dict[str, Any] | None:
    """The manifest of the generation in force, or None when nothing is published."""
    try:
        text = (settings.published_dir / MANIFEST).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    manifest: dict[str, Any] = json.loads(text)
    return manifest


def _connect(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open the file; again when it was pruned between looking and opening."""
    options: dict[str, Any] = {
        "memory_limit": settings.duckdb_memory_limit,
        "threads": settings.duckdb_threads,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    for _ in range(_ATTEMPTS - 1):
        path = published_path(settings)
        try:
            return duckdb.connect(str(path), read_only=True, config=options)
        except duckdb.IOException:
            if path.exists():
                raise
    return duckdb.connect(str(published_path(settings)), read_only=True, config=options)


def _close_off(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave the connection this one file and a place to spill, which must not be beside the file.

    Connections of one process to one file share these settings, and closing off works once.
    """
    with _closing_off:
        row = connection.execute("SELECT current_setting('enable_external_access')").fetchone()
        if row and row[0]:
            connection.execute("SET temp_directory = ?", [_spill_directory()])
            connection.execute("SET enable_external_access = false")


@cache
def _spill_directory() -> str:
    directory = tempfile.mkdtemp(prefix="gridrates-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory
