"""Moves the original bytes of events of long ago from the live file to a Parquet file a month.

Reads and writes `raw_event` and `<home>/archive/payloads/YYYY-MM.parquet` (by the month of landing, UTC).
Guarantees that bytes leave the table only once a file on the disk holds every one of them, that a month may
be archived again at any time (what is there already is not put there twice), and that the columns and hashes
of the events stay: what is landed again is still known to be a duplicate.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from gridrates.errors import WarehouseError
from gridrates.settings import Settings
from warehouse.failures import explained_duckdb, explained_files
from warehouse.statements import statement


def archive_folder(settings: Settings) -> Path:
    """Where the files of the months are."""
    return settings.home_dir / "archive" / "payloads"


def archive_files(settings: Settings) -> list[Path]:
    """The files of the months, oldest first."""
    return sorted(archive_folder(settings).glob("????-??.parquet"))


def archive_payloads(
    connection: duckdb.DuckDBPyConnection, settings: Settings, *, now: datetime
) -> dict[str, int]:
    """Archive every month that ended `archive_payload_months` or longer ago; month → events archived.

    Without the setting none are. Raises ResourceError (no room, no permission), and WarehouseError when a
    file does not hold what was written to it.
    """
    if settings.archive_payload_months is None:
        return {}
    before = _months_before(now, settings.archive_payload_months)
    folder = archive_folder(settings)
    with explained_files(folder), explained_duckdb(folder):
        folder.mkdir(parents=True, exist_ok=True)
        months = connection.execute(statement("archive_months"), {"before": before}).fetchall()
        return {f"{month:%Y-%m}": _archive(connection, folder, month) for (month,) in months}


def _months_before(now: datetime, months: int) -> datetime:
    """The first moment of the month so many before this one: all that landed earlier may go."""
    count = now.astimezone(UTC).year * 12 + now.astimezone(UTC).month - 1 - months
    return datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC)


def _archive(connection: duckdb.DuckDBPyConnection, folder: Path, month: datetime) -> int:
    """Write a month's file beside the one there may be, switch, make sure of it, then let go of the bytes."""
    file = folder / f"{month:%Y-%m}.parquet"
    aside = file.with_suffix(".new")
    again = {"file": str(file)} if file.exists() else {}
    rows = connection.sql(
        statement("archive_rows_again" if again else "archive_rows"), params={"month": month} | again
    )
    rows.write_parquet(str(aside), compression="zstd")
    _write_through(aside)
    aside.replace(file)
    _write_through(folder)
    where = {"month": month, "file": str(file)}
    (missing,) = connection.execute(statement("archive_missing"), where).fetchone() or (None,)
    if missing != 0:
        raise WarehouseError(
            f"{file} does not hold {missing} of the payloads that were written to it; none was removed.",
            remedy="Check the disk, and run `gridrates maintain` again.",
        )
    (gone,) = connection.execute(statement("archive_forget"), {"month": month}).fetchone() or (0,)
    return int(gone)


def _write_through(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
