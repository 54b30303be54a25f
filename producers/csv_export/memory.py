"""Remembers what imports of one kind of export have sent, so that the next one sends what has changed.

Reads and writes `<home>/imports/<name>.duckdb`, which is replaced in one rename when an import has come to
its end and Kafka has acknowledged everything, and `<name>.pending.duckdb`, which says what is about to be
sent before it is. Guarantees that after an import that came to its end the events that stand are those a
first import of the same rows would send, plus those of rows that are not there any more: whatever was cut
short before. Without its files everything is sent again, which does no harm; but what changed meanwhile
cannot be taken back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from contracts.events import RETRACTION_TYPE
from gridrates.arrow_stream import ArrowStream
from gridrates.errors import ResourceError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from producers.csv_export.mapper import Made

Hashes: TypeAlias = npt.NDArray[np.uint64]
Pair: TypeAlias = tuple[bytes, bytes]

_OPENING = b'{"specversion":"1.0","id":"'
_ID = slice(len(_OPENING), len(_OPENING) + 32)
_BATCH = 20_000
# What DuckDB holds of the memory at a time, and how many rows it tells apart within that.
MEMORY_LIMIT = "512MB"
SLICE_ROWS = 1_000_000


@dataclass(frozen=True)
class Changes:
    """What an import found to be otherwise: events to send or taken back, and rows it can only tell of.

    `vanished` rows were there in an earlier import. `uncorrected` ones share their key with others.
    """

    retracted: int
    vanished: int
    uncorrected: int


class Memory:
    """The memory of one kind of export and topic; a context manager, for one thread but for `is_known`."""

    def __init__(self, folder: Path, name: str, source: str, *, send_all: bool = False) -> None:
        self._file = folder / f"{name}.duckdb"
        self._pending = folder / f"{name}.pending.duckdb"
        self._aside = folder / f"{name}.new.duckdb"
        self._source = source
        self._send_all = send_all
        self._staged = 0

    def __enter__(self) -> Memory:
        import duckdb

        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._aside.unlink(missing_ok=True)
            self._connection = self._open()
            self._load()
        except (OSError, duckdb.Error) as error:
            raise ResourceError(
                f"What earlier imports sent cannot be read from {self._file.with_suffix('')}.*: {error}.",
                remedy="Wait for the other import, if there is one. Without these files everything is sent "
                "again, which does no harm; what changed meanwhile is then not taken back.",
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def _open(self) -> duckdb.DuckDBPyConnection:
        import duckdb

        spill = self._file.with_suffix(".spill")
        options = {"threads": 1, "memory_limit": MEMORY_LIMIT, "temp_directory": str(spill)}
        connection = duckdb.connect(config=options)  # type: ignore[arg-type]
        connection.execute(f"ATTACH '{_quoted(self._pending)}' AS pending")
        where = (
            f"'{_quoted(self._file)}' AS kept (READ_ONLY)" if self._file.exists() else "':memory:' AS kept"
        )
        connection.execute(f"ATTACH {where}")
        for catalog in ("pending", "kept") if not self._file.exists() else ("pending",):
            connection.execute(_statement("memory_tables").replace("{{ catalog }}", catalog))
        connection.execute(_statement("memory_open"))
        return connection

    def _load(self) -> None:
        self._connection.execute("UPDATE this_run SET is_whole = ?", [self._send_all])
        rows = self._connection.execute("SELECT DISTINCT replace(event_id::VARCHAR, '-', '') FROM retracted")
        self._retracted = {row[0].encode() for row in rows.fetchall()}
        self._keys = self._hashes("SELECT DISTINCT row_key FROM old_row ORDER BY row_key")
        known = "SELECT DISTINCT content FROM old_row WHERE content IS NOT NULL ORDER BY content"
        self._contents = self._hashes(known)
        self._run = self._connection.execute("SELECT run_no FROM this_run").fetchone()[0]  # type: ignore[index]

    def _hashes(self, query: str) -> Hashes:
        (column,) = self._connection.execute(query).fetchnumpy().values()
        return np.asarray(column, dtype=np.uint64)

    @property
    def is_filled(self) -> bool:
        """Whether an earlier import sent anything."""
        return len(self._keys) > 0

    def is_known(self, contents: Hashes) -> npt.NDArray[np.bool_]:
        """Which rows are as an earlier import sent them."""
        return _among(contents, self._contents)

    def note(
        self,
        keys: Hashes,
        contents: Hashes,
        made: Made,
        numbers: npt.NDArray[np.int64],
        *,
        refused: npt.NDArray[np.int64],
        known: npt.NDArray[np.int64],
    ) -> Made:
        """Note a chunk before it is sent; gives the events that can go at once.

        `keys`, `contents` and `numbers` are of all its rows; `refused` are the places of rows that gave no
        event, `known` of those that are as they were. The events of a row that was there before wait for
        `changed`.
        """
        made = self._standing(made)
        places = np.unique(made.rows)
        self._note_seen(keys, contents, np.concatenate([places, known]), refused)
        self._note_rows(keys[places], contents[places], made)
        was_there = _among(keys[made.rows], self._keys)
        self._stage(made.only(was_there), numbers)
        return made.only(~was_there)

    def _standing(self, made: Made) -> Made:
        """The events under ids that were not taken back."""
        import pyarrow as pa
        import pyarrow.compute as pc

        taken_back = pc.is_in(_ids(made.events), value_set=pa.array(self._retracted, pa.binary()))
        if not pc.any(taken_back).as_py():
            return made
        events = made.events.to_pylist()
        for place in np.flatnonzero(taken_back):
            events[place] = self._renamed(events[place])
        return replace(made, events=pa.array(events, pa.binary()))

    def _renamed(self, event: bytes) -> bytes:
        name = event[_ID]
        while name in self._retracted:
            name = hashlib.md5(b"again " + name, usedforsecurity=False).hexdigest().encode()
        return event[: _ID.start] + name + event[_ID.stop :]

    def _note_seen(
        self,
        keys: Hashes,
        contents: Hashes,
        places: npt.NDArray[np.int64],
        refused: npt.NDArray[np.int64],
    ) -> None:
        self._append("seen", row_key=keys[places], content=contents[places])
        self._append("refused", row_key=keys[refused])

    def _note_rows(self, keys: Hashes, contents: Hashes, made: Made) -> None:
        import pyarrow as pa

        begins = np.flatnonzero(np.diff(made.rows, prepend=-1))
        ends = pa.array([*begins, len(made.rows)], pa.int32())
        self._append(
            "pending.standing_row",
            run_no=np.full(len(keys), self._run, np.int64),
            row_key=keys,
            content=contents,
            subject_id=made.keys.take(pa.array(begins)).cast(pa.string()),
            event_ids=pa.ListArray.from_arrays(ends, _ids(made.events).cast(pa.string())),
        )

    def _stage(self, made: Made, numbers: npt.NDArray[np.int64]) -> None:
        import pyarrow as pa

        first, self._staged = self._staged, self._staged + len(made.rows)
        self._append(
            "staged",
            place=np.arange(first, self._staged),
            row_no=numbers[made.rows],
            subject=made.keys,
            event_id=_ids(made.events).cast(pa.string()),
            event=made.events,
        )

    def _append(self, table: str, **columns: Any) -> None:
        import pyarrow as pa

        if len(next(iter(columns.values()))):
            self._connection.register("appended", ArrowStream(pa.table(columns)))
            self._connection.execute(f"INSERT INTO {table} BY NAME FROM appended")
            self._connection.unregister("appended")

    def compare(self) -> Changes:
        """Hold what was seen against what was sent before; call it once, after the last chunk."""
        self._in_slices("memory_ambiguous")
        self._connection.execute(_statement("memory_compare"))
        self._in_slices("memory_to_retract")
        self._connection.execute(_statement("memory_pending"))
        row = self._connection.execute(_statement("memory_counts")).fetchone()
        assert row is not None
        vanished, uncorrected, retracted = row
        return Changes(retracted, vanished, uncorrected)

    def _in_slices(self, name: str) -> None:
        """Carry out a statement that tells rows apart, on so few rows at a time that they fit into memory."""
        (rows,) = self._connection.execute(_statement("memory_sizes")).fetchone() or (0,)
        slices = rows // SLICE_ROWS + 1
        for number in range(slices):
            self._connection.execute(_statement(name), {"slices": slices, "slice": number})

    def changed(self) -> Iterator[list[tuple[int, bytes, bytes]]]:
        """The events of changed rows that were not sent yet: number of the row, key and event."""
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT row_no, subject, event FROM to_send ORDER BY place")
            while rows := cursor.fetchmany(_BATCH):
                yield rows

    def retractions(self) -> Iterator[list[Pair]]:
        """What takes back the events that do not hold any more."""
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        query = "SELECT replace(event_id::VARCHAR, '-', ''), subject_id FROM to_retract ORDER BY ALL"
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            while rows := cursor.fetchmany(_BATCH):
                yield [(subject.encode(), self._retraction(name, subject, now)) for name, subject in rows]

    def _retraction(self, name: str, subject: str, now: str) -> bytes:
        own = hashlib.md5(f"retraction {name} {now}".encode(), usedforsecurity=False).hexdigest()
        event = {
            "specversion": "1.0",
            "id": own,
            "source": self._source,
            "type": RETRACTION_TYPE,
            "subject": subject,
            "time": now,
            "data": {"retracts": name, "reason": "the row of the export has changed"},
        }
        return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()

    def keep(self) -> None:
        """Everything was acknowledged: what this import found holds from now on."""
        self._connection.execute(f"ATTACH '{_quoted(self._aside)}' AS aside")
        self._connection.execute(_statement("memory_tables").replace("{{ catalog }}", "aside"))
        self._connection.execute(_statement("memory_keep"))
        self._in_slices("memory_keep_ambiguous")
        self._in_slices("memory_keep_retractions")
        self._connection.execute("DETACH aside")
        self._connection.close()
        self._aside.replace(self._file)
        self._pending.unlink()


def _among(values: Hashes, known: Hashes) -> npt.NDArray[np.bool_]:
    """Which of `values` are among `known`, which is in order."""
    if not len(known):
        return np.zeros(len(values), np.bool_)
    places = np.searchsorted(known, values)
    places[places == len(known)] = 0
    found: npt.NDArray[np.bool_] = known[places] == values
    return found


def _ids(events: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.binary_slice(events, _ID.start, _ID.stop)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


@cache
def _statement(name: str) -> str:
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")
