"""Turns what the disk and DuckDB say into errors with a remedy.

A full disk, a directory that cannot be written, a file somebody else holds or a file that is no
warehouse are everyday events: none of them deserves a traceback.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from gridrates.errors import GridratesError, ResourceError, WarehouseError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL = ("No space left on device", "Disk quota exceeded", "File too large", "max_temp_directory_size")
_TOO_LITTLE_MEMORY = ("failed to pin block", "Out of Memory", "could not allocate block")
_DENIED = ("Permission denied", "Read-only file system", "Not a directory", "No such file or directory")
_HELD = "Could not set lock on file"
_FOREIGN = ("not a valid DuckDB database file", "Corrupt database file")
_NEWER = "newer version of DuckDB"


@contextmanager
def explained_files(path: Path) -> Iterator[None]:
    """Run a block that does nothing but use the file or directory `path`.

    Raises ResourceError (no room, no permission) for what the system refuses.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise (no_room if error.errno in _NO_ROOM else _not_writable)(path, reason) from error


@contextmanager
def explained_duckdb(path: Path) -> Iterator[None]:
    """Run a block that uses the DuckDB file `path`.

    Raises ResourceError (no room, no permission) or WarehouseError (held, foreign or newer file) for
    what DuckDB refuses and a person can mend; anything else passes unchanged.
    """
    try:
        yield
    except duckdb.Error as error:
        known = _of_duckdb(error, path)
        if known is None:
            raise
        raise known from error


def no_room(path: Path, detail: str) -> ResourceError:
    """The error for a disk that is full."""
    return ResourceError(
        f"There is no room left on the disk of {path} ({detail}). Nothing was lost: what was not yet "
        "committed is read again.",
        remedy="Free some space and run the same command again.",
    )


def _of_duckdb(error: duckdb.Error, path: Path) -> GridratesError | None:
    """What a DuckDB failure means, or None when it has no remedy we know."""
    text = str(error)
    if any(words in text for words in _FULL):
        return no_room(path, text)
    if any(words in text for words in _TOO_LITTLE_MEMORY):
        return ResourceError(
            f"DuckDB has too little memory for {path} ({text.partition(chr(10))[0]}). Nothing was lost.",
            remedy="Raise GRIDRATES_DUCKDB_MEMORY_LIMIT: long events need two thousand times the longest.",
        )
    if _HELD in text:
        return WarehouseError(
            f"{path} is open in another program ({text.partition('Conflicting lock ')[2] or text}).",
            remedy="Close it there. Readers should open the published file, never the live one.",
        )
    if _NEWER in text:
        return WarehouseError(
            f"{path} was written by a newer version of DuckDB ({text}).",
            remedy="Use the version of gridrates that wrote it, or a newer one.",
        )
    if any(words in text for words in _FOREIGN):
        return WarehouseError(
            f"{path} is not a sound warehouse file ({text}).",
            remedy="Put a backup in its place, or move it away and land the topic again from the start.",
        )
    if isinstance(error, duckdb.IOException) and any(words in text for words in _DENIED):
        return _not_writable(path, text)
    return None


def _not_writable(path: Path, detail: str) -> ResourceError:
    return ResourceError(
        f"{path} cannot be written ({detail}).",
        remedy="Check the directory and its permissions, or choose another one with GRIDRATES_HOME.",
    )
