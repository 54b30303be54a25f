"""Kept payloads, read again: under the contract as it is now, or to be sent to a topic.

Reads payloads where they are: in `raw_event`, or in the Parquet files that `warehouse.archive` moved them to,
where they stay. Writes the columns of `raw_event` that the contract names; never a payload, a position or a
count of the ledger. An event that the contract of today would refuse stays as it was read then, and is
counted: nothing that was landed is lost. Each portion is a transaction of its own; doing it again changes
nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from gridrates.errors import WarehouseError
from gridrates.settings import Settings
from warehouse.archive import archive_files
from warehouse.batch import Batch
from warehouse.chunks import Header, of_records
from warehouse.parse import CONTRACT_COLUMNS, Parsed, Parser
from warehouse.relations import registered, transaction
from warehouse.statements import statement

if TYPE_CHECKING:
    import pyarrow as pa

_PORTION = 50_000
_PORTION_BYTES = 64 * 1024 * 1024
# So many rows come at a time, however long they are.
_ROWS_A_READ = 2_048
# What a payload says: the contract's columns, and who the event is.
_READ = (*CONTRACT_COLUMNS, "id_hash")
_POSITION = ("kafka_topic", "kafka_partition", "kafka_offset", "batch_id")


@dataclass(frozen=True)
class Span:
    """Events that occurred from `first` on and before `last`; None is no limit."""

    first: datetime | None = None
    last: datetime | None = None

    @property
    def _values(self) -> dict[str, datetime | None]:
        return {"first": self.first, "last": self.last}


@dataclass
class Rereading:
    """What became of the events of a span: `read` payloads, of which `changed` say something else now and
    the `refused` ones (by reason) stay as they were; `without_payload` could not be read.
    """

    read: int = 0
    changed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    without_payload: int = 0


@dataclass(frozen=True)
class _Record:
    """A payload as the parser takes it."""

    offset: int
    value: bytes
    key: bytes | None = None
    timestamp: int = -1
    headers: tuple[Header, ...] = ()


def payloads(connection: duckdb.DuckDBPyConnection, settings: Settings, span: Span) -> Iterator[pa.Table]:
    """Payloads in portions of a bounded size, as they landed: position, `subject_id`, `payload`.

    Those of the archive first, for they landed first. Raises WarehouseError naming an archive file that
    cannot be read.
    """
    for file in archive_files(settings):
        with _explained(file):
            yield from _portions(connection, "select_archived_payloads", span._values | {"file": str(file)})
    yield from _portions(connection, "select_payloads", span._values)


def _portions(
    connection: duckdb.DuckDBPyConnection, name: str, values: Mapping[str, Any]
) -> Iterator[pa.Table]:
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    # A cursor of its own: it reads what was there at the start, whatever is written meanwhile.
    with connection.cursor() as cursor:
        found = cursor.execute(statement(name), dict(values))
        for rows in found.to_arrow_reader(_ROWS_A_READ):
            waiting.append(rows)
            is_full = sum(map(len, waiting)) >= _PORTION or sum(r.nbytes for r in waiting) >= _PORTION_BYTES
            if is_full:
                yield pa.Table.from_batches(waiting)
                waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def count_without_payload(connection: duckdb.DuckDBPyConnection, settings: Settings, span: Span) -> int:
    """Events of the span whose payload is neither in the table nor archived. Raises as `payloads` does."""
    without = _count(connection, statement("count_without_payload"), span._values)
    archived = f"SELECT count(*) FROM ({statement('select_archived_payloads')})"
    for file in archive_files(settings):
        with _explained(file):
            without -= _count(connection, archived, span._values | {"file": str(file)})
    return without


def _count(connection: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, Any]) -> int:
    row = connection.execute(sql, dict(values)).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    """Raises WarehouseError for an archive file that DuckDB cannot read."""
    try:
        yield
    except duckdb.Error as error:
        if str(file) not in str(error):
            raise
        raise WarehouseError(
            f"The archive of payloads {file} cannot be read ({error}).",
            remedy="Put a sound copy in its place; without the file its events stay as they were read.",
        ) from error


def reread(connection: duckdb.DuckDBPyConnection, settings: Settings, span: Span) -> Rereading:
    """Read the kept payloads of the span under the contract of today; mend the rows that differ."""
    done = Rereading(without_payload=count_without_payload(connection, settings, span))
    longest = max(settings.land_max_event_bytes, _PORTION_BYTES)
    with Parser(longest=longest) as parser:
        for table in payloads(connection, settings, span):
            parsed = parser.parse(_batch(table))
            done.read += len(table)
            done.refused.update(refused.code for refused in parsed.refused.values())
            done.changed += _mend(connection, table, parsed)
    return done


def _batch(table: pa.Table) -> Batch:
    texts = table["payload"].to_pylist()
    chunk = of_records(0, [_Record(row, text.encode()) for row, text in enumerate(texts)])
    return Batch.of("", [chunk], from_offsets={0: 0}, to_offsets={0: len(texts)})


def _mend(connection: duckdb.DuckDBPyConnection, table: pa.Table, parsed: Parsed) -> int:
    read = parsed.select(parsed.identities.rows, _READ)
    positions = table.select(list(_POSITION)).take(read["n"])
    for name in _POSITION:
        read = read.append_column(name, positions[name])
    with transaction(connection), registered(connection, reread=read):
        row = connection.execute(_update(), _batch_span(table)).fetchone()
    return int(row[0]) if row else 0


def _batch_span(table: pa.Table) -> dict[str, int]:
    """The first and the last batch of a portion: the table's zone maps leave out the rest."""
    import pyarrow.compute as pc

    found = pc.min_max(table["batch_id"]).as_py()
    return {"first_batch": found["min"], "last_batch": found["max"]}


def _update() -> str:
    """The statement, built from the names of columns."""
    changed = ", ".join(f"{name} = reread.{name}" for name in _READ)
    before, now = (", ".join(f"{table}.{name}" for name in _READ) for table in ("raw_event", "reread"))
    is_same = " AND ".join(f"raw_event.{name} = reread.{name}" for name in _POSITION)
    return (
        f"UPDATE raw_event SET {changed} FROM reread WHERE {is_same} "
        "AND raw_event.batch_id BETWEEN $first_batch AND $last_batch "
        f"AND row({before}) IS DISTINCT FROM row({now})"
    )
