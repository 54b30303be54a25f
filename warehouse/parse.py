"""Payloads to typed rows: most by one SQL statement, the doubtful ones by `warehouse.verdict`.

Works on in-memory DuckDBs of its own, so that parsing a batch and writing the one before can run at the
same time on two cores. Reads nothing but the batch; guarantees that every row of it is either accepted or
refused.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import numpy.typing as npt

from contracts.landing_rules import COLUMNS, ENVELOPE
from gridrates.arrow_stream import ArrowStream
from warehouse.batch import Batch
from warehouse.chunks import Integers
from warehouse.crash_points import pass_by
from warehouse.hash_filter import Hashes
from warehouse.relations import registered
from warehouse.statements import statement
from warehouse.verdict import Refused, judge

if TYPE_CHECKING:
    import pyarrow as pa

# So many doubtful payloads are judged at a time: it bounds the memory that a flood of bad records needs.
_JUDGED_AT_ONCE = 10_000
CONTRACT_COLUMNS = (*(rule.column for rule in ENVELOPE.values()), *COLUMNS)
_PLAIN = "parse_plain"
_STATEMENTS = (_PLAIN, "parse_cases", "parse_others")


@dataclass(frozen=True)
class Identities:
    """Who the accepted rows are: arrays of the same length, by ascending row number."""

    rows: Integers
    id_hashes: Hashes
    payload_hashes: Hashes

    def at(self, places: npt.NDArray[np.bool_]) -> Identities:
        """Some of them."""
        return Identities(self.rows[places], self.id_hashes[places], self.payload_hashes[places])


@dataclass(frozen=True)
class Part:
    """Accepted rows that share their columns: `n`, those of `raw_event` that the contract names (a column
    that is not there is null in all rows), `id_hash`, `payload_hash` and the text of the `payload`.

    `table` is in the order of `n`; only its rows that are good are to be used.
    """

    table: pa.Table
    is_good: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, table: pa.Table, payloads: Any, is_good: npt.NDArray[np.bool_] | None = None) -> Part:
        """The rows of a table, all or the good ones, with the texts they were read from."""
        table = table.append_column("payload", payloads)
        return cls(table, np.ones(len(table), dtype=np.bool_) if is_good is None else is_good)

    @cached_property
    def rows(self) -> Integers:
        """The numbers of the good rows."""
        return np.asarray(self.table["n"].to_numpy()[self.is_good], dtype=np.int64)

    def hashes(self, name: str) -> Hashes:
        """One of the hashes of the good rows."""
        return np.asarray(self.table[name].to_numpy()[self.is_good], dtype=np.uint64)

    def select(self, rows: Integers, columns: Sequence[str]) -> pa.Table:
        """Those of `rows` that are in this part."""
        wanted = np.intersect1d(rows, self.rows, assume_unique=True)
        places = np.searchsorted(self.table["n"].to_numpy(), wanted)
        return self.table.select([name for name in columns if name in self.table.column_names]).take(places)


@dataclass(frozen=True)
class Parsed:
    """A batch after parsing: every row is in one of the parts or refused."""

    batch: Batch
    parts: Sequence[Part]
    refused: dict[int, Refused] = field(default_factory=dict)
    seconds: float = 0.0

    @cached_property
    def identities(self) -> Identities:
        """The accepted rows of all parts."""
        rows = np.concatenate([part.rows for part in self.parts])
        order = np.argsort(rows, kind="stable")  # each part is in order already
        ids, payloads = (
            np.concatenate([part.hashes(name) for part in self.parts])[order]
            for name in ("id_hash", "payload_hash")
        )
        return Identities(rows[order], ids, payloads)

    def select(self, rows: Sequence[int] | Integers, columns: Sequence[str] = CONTRACT_COLUMNS) -> pa.Table:
        """Accepted rows by their numbers, in ascending order of these: `n` and the columns asked for."""
        import pyarrow as pa

        wanted = np.unique(np.asarray(rows, dtype=np.int64))
        tables = [_plain(part.select(wanted, ["n", *columns])) for part in self.parts]
        return pa.concat_tables(tables, promote_options="default").sort_by("n").select(["n", *columns])

    def text(self, row: int) -> str:
        """The payload of an accepted row."""
        return (self.batch.value(row) or b"").decode()


class Parser:
    """Parses batches one after the other; to be used by one thread at a time."""

    def __init__(self, *, longest: int) -> None:
        self._longest = longest
        self._trusting = _Statements("payloads_as_received")
        self._guarding = _Statements("payloads_if_json")
        self._trusted = set(_STATEMENTS)
        self._judging = _connect()

    def __enter__(self) -> Parser:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in (self._trusting.connection, self._guarding.connection, self._judging):
            connection.close()

    def parse(self, batch: Batch) -> Parsed:
        """Accept or refuse every record of the batch."""
        began = time.perf_counter()
        parts = []
        is_left = np.ones(len(batch), dtype=np.bool_)
        for name in _STATEMENTS:
            rows = batch.plain_rows if name == _PLAIN else np.flatnonzero(is_left)
            if len(rows):
                parts.append(self._parse_sure(name, batch, rows))
                is_left[parts[-1].rows] = False
        pass_by("after_parse")
        judged, refused = self._judge(batch, np.flatnonzero(is_left))
        return Parsed(batch, [*parts, judged], refused, time.perf_counter() - began)

    def _parse_sure(self, name: str, batch: Batch, rows: Integers) -> Part:
        """Some rows as one statement reads them; those that it is sure of are good."""
        payloads = batch.payloads(rows, longest=self._longest)
        table = self._run(name, payloads)
        is_sure = table["is_sure"].to_numpy()
        return Part.of(table.drop_columns("is_sure"), payloads["s"], is_sure)

    def _run(self, name: str, payloads: pa.Table) -> pa.Table:
        """A payload that is no JSON fails the whole statement. To look at each first takes longer, so that is
        done only from the first one on.
        """
        if name in self._trusted:
            try:
                return self._trusting.run(name, payloads)
            except (duckdb.Error, UnicodeDecodeError):  # the latter: a message that quotes the bytes
                self._trusted.remove(name)
        return self._guarding.run(name, payloads)

    def _judge(self, batch: Batch, rows: Integers) -> tuple[Part, dict[int, Refused]]:
        import pyarrow as pa

        refused: dict[int, Refused] = {}
        accepted: list[dict[str, Any]] = []
        for at in range(0, len(rows), _JUDGED_AT_ONCE):
            for row, value, minified in self._minified(batch, rows[at : at + _JUDGED_AT_ONCE].tolist()):
                verdict = judge(value, minified, longest=self._longest)
                if isinstance(verdict, Refused):
                    refused[row] = verdict
                else:
                    accepted.append({"n": row, "s": (value or b"").decode(), **verdict.row})
        table = pa.Table.from_pylist(accepted, schema=_judged_schema())
        with registered(self._judging, accepted=table):
            hashed = self._judging.execute(statement("hash_accepted")).to_arrow_table()
        return Part.of(hashed, table["s"]), refused

    def _minified(self, batch: Batch, rows: Sequence[int]) -> Iterator[tuple[int, bytes | None, str | None]]:
        """Rows with their values, and these as DuckDB reads them."""
        import pyarrow as pa

        values = [batch.value(row) for row in rows]
        texts = [_text_to_look_at(value, self._longest) for value in values]
        with registered(self._judging, doubtful=pa.table({"s": pa.array(texts, pa.string())})):
            minified = [text for (text,) in self._judging.execute(statement("minify")).fetchall()]
        return zip(rows, values, minified, strict=True)


class _Statements:
    """The parsing statements, each planned once: planning one takes longer than parsing a small batch.

    They read whatever table is received when they run.
    """

    def __init__(self, view: str) -> None:
        self.connection = _connect()
        self.connection.execute(statement("parse_macros"))
        nothing = Batch.of("", [], from_offsets={}, to_offsets={})
        self._received = ArrowStream(nothing.payloads(longest=0))
        self.connection.register("received", self._received)
        self.connection.execute(statement(view))
        self._prepared: set[str] = set()

    def run(self, name: str, payloads: pa.Table) -> pa.Table:
        """The rows of one statement for some payloads, in their order."""
        self._received.table = payloads
        if name not in self._prepared:
            self.connection.execute(f"PREPARE {name} AS {statement(name)}")
            self._prepared.add(name)
        return self.connection.execute(f"EXECUTE {name}").to_arrow_table()


def _connect() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection


def _judged_schema() -> pa.Schema:
    """Arrow types of the rows that are judged one by one: as DuckDB has them."""
    import pyarrow as pa

    types = {
        "BIGINT": pa.int64(),
        "BOOLEAN": pa.bool_(),
        "DOUBLE": pa.float64(),
        "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
        "VARCHAR": pa.string(),
        "VARCHAR[]": pa.list_(pa.string()),
    }
    kinds = {rule.column: rule.kind for rule in ENVELOPE.values()}
    kinds |= {name: column.kind for name, column in COLUMNS.items()}
    fields = {name: types[kind.sql_type] for name, kind in kinds.items()}
    return pa.schema({"n": pa.int32(), **fields, "s": pa.string()})


def _plain(table: pa.Table) -> pa.Table:
    """The table with its words as texts, not as numbers of a list."""
    import pyarrow as pa

    for place, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type):
            table = table.set_column(place, column.name, table[column.name].cast(pa.string()))
    return table


def _text_to_look_at(value: bytes | None, longest: int) -> str | None:
    if value is None or len(value) > longest:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
