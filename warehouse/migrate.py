"""Numbered migrations of the live file, each in its own transaction and recorded in `ops_migration`.

Reads `warehouse/migrations/NNNN_name.sql`; writes whatever they say. Guarantees that a file is either
wholly at a number or wholly at the one before, and that an older program refuses a newer file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from gridrates import __version__
from gridrates.errors import WarehouseError
from warehouse.statements import statement

FOLDER = Path(__file__).parent / "migrations"


@dataclass(frozen=True)
class Migration:
    """One step from the number before to `number`."""

    number: int
    name: str
    sql: str


def shipped(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """The migrations this program knows, by number. Raises ValueError when two share a number."""
    found = tuple(_read(path) for path in sorted(folder.glob("[0-9]*_*.sql")))
    numbers = [migration.number for migration in found]
    if len(set(numbers)) != len(numbers):
        raise ValueError(f"two migrations share a number: {numbers}")
    return found


def migrate(connection: duckdb.DuckDBPyConnection, known: tuple[Migration, ...] | None = None) -> list[int]:
    """Bring the file up to date and return the numbers applied.

    Raises WarehouseError when the file has been migrated by a newer program.
    """
    known = shipped() if known is None else known
    connection.execute(statement("create_ops_migration"))
    done = dict(connection.execute("SELECT number, program_version FROM ops_migration").fetchall())
    _refuse_newer(done, known)
    pending = [migration for migration in known if migration.number not in done]
    for migration in pending:
        _apply(connection, migration)
    return [migration.number for migration in pending]


def _refuse_newer(done: dict[int, str], known: tuple[Migration, ...]) -> None:
    newer = sorted(set(done) - {migration.number for migration in known})
    if newer:
        raise WarehouseError(
            f"The warehouse was changed by gridrates {done[newer[-1]]} (migration {newer[-1]}), "
            f"which this version, {__version__}, does not know.",
            remedy="Use that version of gridrates or a newer one.",
        )


def _apply(connection: duckdb.DuckDBPyConnection, migration: Migration) -> None:
    connection.begin()
    try:
        connection.execute(migration.sql)
        connection.execute(statement("insert_ops_migration"), [migration.number, migration.name, __version__])
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _read(path: Path) -> Migration:
    number, _, name = path.stem.partition("_")
    return Migration(int(number), name, path.read_text(encoding="utf-8"))
