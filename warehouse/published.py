"""Publishing: one file for analysts, always whole, switched in one rename.

Reads the live file through the caller's connection, as one transaction sees it. Writes a generation below
`<home>/published/` (see `warehouse.published_folder`) and one row of `ops_publication`. A death or a full
disk between any two of these steps leaves the generation before in force, and the next publication works:

1. take the publication lock, remove what dead publications left, choose the next number   (`publish_started`)
2. fill the tables of a file aside, which has the Chinese views and all comments, in one
   transaction                                                                        (`publish_built`)
3. write the same tables as Parquet files, then the manifest with their checksums       (`publish_described`)
4. force all of it to the disk and give it its generation's name                           (`publish_placed`)
5. switch the link `current`: from here on readers see the new generation                (`publish_switched`)
6. record it in the live file                                                          (`publish_remembered`)
7. remove the generations that are too old                                                 (`publish_pruned`)

Thousands of comments take longer to write than a street's rows: the file aside is a copy of an empty one
that is kept for as long as no table, column or comment changes.

The words in brackets name the boundary after each step, for `warehouse.crash_points`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from gridrates import __version__
from gridrates.profile import load_profile
from gridrates.published_client import DATABASE, MANIFEST
from gridrates.settings import Settings
from warehouse.crash_points import pass_by
from warehouse.failures import explained_duckdb, explained_files
from warehouse.lock import writer_lock
from warehouse.published_folder import PublishedFolder
from warehouse.published_tables import (
    DATES,
    DICTIONARY,
    PUBLICATION,
    PublicTable,
    check_names,
    dictionary_rows,
    own_tables,
)
from warehouse.statements import statement

# Names of the attached files while a publication is made.
_NEW, _OLD = "publish_new", "publish_old"
# The oldest format there is, because other people's programs bring a DuckDB of their own.
_STORAGE_VERSION = "v1.0.0"


@dataclass(frozen=True)
class Publication:
    """What was published: its number, its database file, rows by table, bytes and seconds by step."""

    generation: int
    path: Path
    rows: dict[str, int]
    byte_count: int
    seconds: dict[str, float]


@dataclass(frozen=True)
class _Facts:
    """What a generation says about itself."""

    generation: int
    published_at: datetime
    run_id: str
    profile: str
    time_zone: str
    covered: tuple[date, ...]
    held_back: Mapping[date, Sequence[str]]


def publish(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    tables: Sequence[PublicTable],
    *,
    run_id: str,
    covered: Sequence[date],
    held_back: Mapping[date, Sequence[str]] | None = None,
    reached: Callable[[str], None] = pass_by,
) -> Publication:
    """Publish `tables` as the next generation and return what was published.

    `covered` are the business dates whose figures passed; `held_back` those that did not, with the checks
    that failed: of them, tables with a `date_column` keep the rows of the generation before. `reached` is
    called with each boundary's name. The connection must not be in a transaction.

    Raises InputError (a table and its description disagree), ResourceError (no room, no permission) or
    WarehouseError (another publication is running); the generation before is then still in force.
    """
    folder = PublishedFolder(settings.published_dir)
    clock = _Clock()
    check_names([*tables, *own_tables().values()])
    with _alone(folder, settings), explained_files(folder.path), explained_duckdb(folder.path):
        folder.sweep()
        before = folder.current()
        facts = _facts(connection, settings, folder, run_id, covered, held_back or {})
        reached("publish_started")
        with folder.workplace() as work:
            rows = _write(connection, work, folder, tables, facts, clock, reached)
            placed = folder.place(work, facts.generation)
            reached("publish_placed")
        folder.switch(facts.generation)
        clock.lap("switch")
        reached("publish_switched")
        published = Publication(
            facts.generation,
            placed / DATABASE,
            rows,
            sum(file.stat().st_size for file in placed.iterdir()),
            clock.seconds,
        )
        _remember(connection, facts, published)
        reached("publish_remembered")
        folder.prune(keep=settings.keep_generations, before=before)
        reached("publish_pruned")
        return published


def prune_generations(settings: Settings) -> list[int]:
    """Remove what is older than `keep_generations` and what dead publications left; the numbers removed.

    Publishing does so itself; this is for when nothing is published any more. Raises what publishing raises.
    """
    folder = PublishedFolder(settings.published_dir)
    if not folder.path.exists():
        return []
    with _alone(folder, settings), explained_files(folder.path):
        folder.sweep()
        before = folder.generations()
        folder.prune(keep=settings.keep_generations, before=folder.current())
        return sorted(set(before) - set(folder.generations()))


class _Clock:
    """Seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, step: str) -> None:
        now = time.monotonic()
        self.seconds[step], self._last = round(now - self._last, 3), now


@contextmanager
def _alone(folder: PublishedFolder, settings: Settings) -> Iterator[None]:
    with explained_files(folder.path):
        folder.path.mkdir(parents=True, exist_ok=True)
        lock = folder.path / ".publish.lock"
        with writer_lock(lock, command="publish", timeout_seconds=settings.lock_timeout_seconds):
            yield


def _facts(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    folder: PublishedFolder,
    run_id: str,
    covered: Sequence[date],
    held_back: Mapping[date, Sequence[str]],
) -> _Facts:
    remembered = connection.cursor().execute("SELECT max(generation) FROM ops_publication").fetchone()
    known = [*folder.generations(), folder.current(), (remembered and remembered[0]) or 0]
    return _Facts(
        generation=max(known) + 1,
        published_at=datetime.now(UTC),
        run_id=run_id,
        profile=Path(settings.profile).absolute().name,
        time_zone=load_profile(settings.profile).time_zone,
        covered=tuple(sorted(set(covered) - set(held_back))),
        held_back=held_back,
    )


def _write(
    connection: duckdb.DuckDBPyConnection,
    work: Path,
    folder: PublishedFolder,
    tables: Sequence[PublicTable],
    facts: _Facts,
    clock: _Clock,
    reached: Callable[[str], None],
) -> dict[str, int]:
    """Fill the workplace; returns the rows by table."""
    every = (*tables, *own_tables().values())
    shutil.copyfile(_empty(connection, work, folder, every), work / DATABASE)
    with _attached(connection, work / DATABASE, folder.database) as cursor:
        rows = _fill_database(cursor, tables, facts)
        clock.lap("database")
        reached("publish_built")
        for table in every:
            _write_parquet(cursor, table, work)
        types = cursor.execute(statement("published_columns"), {"catalog": _NEW}).fetchall()
    manifest = _manifest(work, every, facts, rows, types)
    (work / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    clock.lap("parquet")
    reached("publish_described")
    return rows


@contextmanager
def _attached(
    connection: duckdb.DuckDBPyConnection, new: Path, old: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor that sees the file to write and, where there is one, the generation in force."""
    with connection.cursor() as keeper:
        keeper.execute(f"ATTACH {_text(str(new))} AS {_NEW} (STORAGE_VERSION '{_STORAGE_VERSION}')")
        try:
            if old.exists():
                keeper.execute(f"ATTACH {_text(str(old.resolve()))} AS {_OLD} (READ_ONLY)")
            # Another cursor, because none can detach the database it is using.
            with connection.cursor() as cursor:
                yield cursor
        finally:
            for name in (_NEW, _OLD):
                keeper.execute(f"DETACH DATABASE IF EXISTS {name}")


def _empty(
    connection: duckdb.DuckDBPyConnection, work: Path, folder: PublishedFolder, tables: Sequence[PublicTable]
) -> Path:
    """The file with all tables, views and comments and no rows; made anew when any of them changed."""
    with connection.cursor() as cursor:
        types = {table.name: _types(cursor, _query(table)) for table in tables}
    shape = [duckdb.__version__, _STORAGE_VERSION, types, [asdict(table) for table in tables]]
    empty = folder.empty(hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:16])
    if not empty.exists():
        made = work / empty.name
        with _attached(connection, made, folder.database) as cursor:
            with _transaction(cursor):
                cursor.execute(f"CREATE SCHEMA {_NEW}.zh")
                for table in tables:
                    table.check(types[table.name])
                    _create(cursor, table, types[table.name])
                    _describe(cursor, table)
            cursor.execute(f"CHECKPOINT {_NEW}")
        folder.keep_empty(made)
    return empty


def _fill_database(
    cursor: duckdb.DuckDBPyConnection, tables: Sequence[PublicTable], facts: _Facts
) -> dict[str, int]:
    """Write all rows in one transaction, so that all tables are of one moment; returns the rows by table."""
    with _transaction(cursor):
        rows = {table.name: _fill(cursor, table, _rows_of(cursor, table, facts)) for table in tables}
        rows |= _fill_own(cursor, tables, facts, rows)
    cursor.execute(f"CHECKPOINT {_NEW}")
    return rows


@contextmanager
def _transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    cursor.begin()
    try:
        yield
    except BaseException:
        cursor.rollback()
        raise
    # A commit that fails has rolled back by itself.
    cursor.commit()


def _create(cursor: duckdb.DuckDBPyConnection, table: PublicTable, types: Mapping[str, str]) -> None:
    columns = ", ".join(f"{_name(column)} {types[column]}" for column in table.columns)
    cursor.execute(f"CREATE TABLE {_NEW}.main.{_name(table.name)} ({columns})")


def _fill(
    cursor: duckdb.DuckDBPyConnection,
    table: PublicTable,
    query: str,
    parameters: Mapping[str, Any] | None = None,
) -> int:
    order = f" ORDER BY {_names(table.grain)}" if table.grain else ""
    insert = f"INSERT INTO {_NEW}.main.{_name(table.name)} SELECT {_names(table.columns)}"
    done = cursor.execute(f"{insert} FROM ({query}){order}", parameters).fetchone()
    return int(done[0]) if done else 0


def _rows_of(cursor: duckdb.DuckDBPyConnection, table: PublicTable, facts: _Facts) -> str:
    """The query of a table's rows: its own, with held-back dates as they were published before."""
    query = _query(table)
    if not table.date_column or not facts.held_back:
        return query
    types = _types(cursor, query)
    held = f"{_name(table.date_column)} IN ({', '.join(_text(str(d)) for d in facts.held_back)})"
    fresh = f"SELECT {_names(table.columns)} FROM ({query}) WHERE ({held}) IS NOT TRUE"
    before = _types_before(cursor, table)
    if table.date_column not in before:
        return fresh
    # A column that is newer than what was published is empty for those dates.
    kept = ", ".join(
        f"CAST({_name(column) if column in before else 'NULL'} AS {types[column]})"
        for column in table.columns
    )
    return f"{fresh} UNION ALL SELECT {kept} FROM {_OLD}.main.{_name(table.name)} WHERE {held}"


def _query(table: PublicTable) -> str:
    return table.sql.strip().rstrip(";")


def _types(cursor: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """The columns of a query and their types, whatever its parameters will be."""
    (parsed,) = duckdb.extract_statements(query)
    parameters = dict.fromkeys(parsed.named_parameters)
    return {row[0]: row[1] for row in cursor.execute(f"DESCRIBE {query}", parameters).fetchall()}


def _types_before(cursor: duckdb.DuckDBPyConnection, table: PublicTable) -> set[str]:
    """The columns the table has in the generation in force; none when it is not there."""
    rows = cursor.execute(statement("published_columns"), {"catalog": _OLD}).fetchall()
    return {column for name, column, _ in rows if name == table.name}


def _fill_own(
    cursor: duckdb.DuckDBPyConnection,
    tables: Sequence[PublicTable],
    facts: _Facts,
    rows: Mapping[str, int],
) -> dict[str, int]:
    own = own_tables()
    parameters: dict[str, dict[str, Any]] = {
        DATES: {"dates": _dates(cursor, facts)},
        PUBLICATION: {
            "generation": facts.generation,
            "published_at": facts.published_at,
            "run_id": facts.run_id,
            "profile": facts.profile,
            "time_zone": facts.time_zone,
            "program_version": __version__,
            "covered": list(facts.covered),
            "held_back_count": len(facts.held_back),
            "row_counts": dict(rows),
        },
        DICTIONARY: {"catalog": _NEW, "columns": dictionary_rows([*tables, *own.values()])},
    }
    return {name: _fill(cursor, own[name], own[name].sql, values) for name, values in parameters.items()}


def _dates(cursor: duckdb.DuckDBPyConnection, facts: _Facts) -> list[dict[str, Any]]:
    """The rows of `published_dates`: a held-back date keeps the generation its figures come from."""
    before: dict[date, int] = {}
    if facts.held_back and _types_before(cursor, own_tables()[DATES]):
        query = f"SELECT business_date, generation FROM {_OLD}.main.{DATES}"
        before = dict(cursor.execute(query).fetchall())
    passed: list[tuple[date, int | None, str | None]] = [(d, facts.generation, None) for d in facts.covered]
    failed = [(day, before.get(day), "; ".join(reasons)) for day, reasons in facts.held_back.items()]
    return [
        {
            "business_date": day,
            "is_stale": reason is not None,
            "generation": generation,
            "held_back_reason": reason,
        }
        for day, generation, reason in [*passed, *failed]
    ]


def _describe(cursor: duckdb.DuckDBPyConnection, table: PublicTable) -> None:
    """Comment on a table and its columns, and make its Chinese view, commented likewise."""
    source, view = f"main.{_name(table.name)}", f"zh.{_name(table.zh_name)}"
    renamed = ", ".join(f"{_name(name)} AS {_name(column.zh)}" for name, column in table.columns.items())
    statements = [
        # A view keeps the name of the catalog it was written for, unless that is the one in use.
        f"USE {_NEW}",
        f"CREATE VIEW {view} AS SELECT {renamed} FROM {source}",
        f"COMMENT ON TABLE {source} IS {_text(table.comment)}",
        f"COMMENT ON VIEW {view} IS {_text(f'{table.name}: {table.comment}')}",
    ]
    for name, column in table.columns.items():
        zh_comment = f"{name}: {column.comment}"
        statements += [
            f"COMMENT ON COLUMN {source}.{_name(name)} IS {_text(column.comment)}",
            f"COMMENT ON COLUMN {view}.{_name(column.zh)} IS {_text(zh_comment)}",
        ]
    cursor.execute(";\n".join(statements))


def _write_parquet(cursor: duckdb.DuckDBPyConnection, table: PublicTable, work: Path) -> None:
    file = _text(str(work / f"{table.name}.parquet"))
    cursor.execute(f"COPY {_NEW}.main.{_name(table.name)} TO {file} (FORMAT parquet, COMPRESSION zstd)")


def _manifest(
    work: Path,
    tables: Sequence[PublicTable],
    facts: _Facts,
    rows: Mapping[str, int],
    types: Sequence[tuple[str, str, str]],
) -> dict[str, Any]:
    return {
        "generation": facts.generation,
        "published_at": facts.published_at.isoformat(),
        "run_id": facts.run_id,
        "profile": facts.profile,
        "time_zone": facts.time_zone,
        "program_version": __version__,
        "dates": _date_summary(facts),
        "database": _file_summary(work / DATABASE),
        "tables": {
            table.name: {
                "zh": table.zh_name,
                "rows": rows[table.name],
                "grain": list(table.grain),
                "columns": {column: kind for name, column, kind in types if name == table.name},
                "parquet": _file_summary(work / f"{table.name}.parquet"),
            }
            for table in tables
        },
    }


def _date_summary(facts: _Facts) -> dict[str, Any]:
    covered = facts.covered
    between = (covered[-1] - covered[0]).days if covered else 0
    days = {covered[0] + timedelta(days=n) for n in range(between)} if covered else set()
    return {
        "first": covered[0].isoformat() if covered else None,
        "last": covered[-1].isoformat() if covered else None,
        "count": len(covered),
        "missing": sorted(day.isoformat() for day in days - set(covered) - set(facts.held_back)),
        "held_back": {day.isoformat(): list(reasons) for day, reasons in sorted(facts.held_back.items())},
    }


def _file_summary(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": digest}


def _remember(connection: duckdb.DuckDBPyConnection, facts: _Facts, published: Publication) -> None:
    connection.cursor().execute(
        statement("insert_ops_publication"),
        {
            "generation": facts.generation,
            "run_id": facts.run_id,
            "published_at": facts.published_at,
            "covered": list(facts.covered),
            "held_back_count": len(facts.held_back),
            "row_count": sum(published.rows.values()),
            "byte_count": published.byte_count,
            "seconds": sum(published.seconds.values()),
            "program_version": __version__,
        },
    )


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _names(identifiers: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join(map(_name, identifiers))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
