"""Payloads to typed rows: most by one SQL statement, the doubtful ones by `warehouse.verdict`.

Works on an in-memory DuckDB of its own, so that parsing a batch and writing the one before can run at the
same time on two cores. Reads nothing but the batch; guarantees that every row of it is either accepted or
refused.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import numpy.typing as npt

from warehouse.batch import Batch
from warehouse.crash_points import pass_by
from warehouse.relations import registered
from warehouse.statements import statement
from warehouse.verdict import Refused, judge

if TYPE_CHECKING:
    import pyarrow as pa

# So many doubtful payloads are judged at a time: it bounds the memory that a flood of bad records needs.
_JUDGED_AT_ONCE = 10_000
_COMPUTED = ("id_hash", "payload_hash", "is_sure")


@dataclass(frozen=True)
class Identities:
    """Who the accepted rows are: arrays of the same length, by ascending row number."""

    rows: npt.NDArray[np.int64]
    id_hashes: npt.NDArray[np.uint64]
    payload_hashes: npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Parsed:
    """A batch after parsing.

    `sure` has a row for every record of the batch, in order; only rows that are in `identities` and not in
    `judged` are to be used. `judged` has the rows accepted one by one, with the same columns. Both have the
    columns `n`, those of `raw_event` that the contract names, `id_hash` and `payload_hash`. `payloads` has
    the text of every row (null where it cannot be an event), as views into the bytes that were read.
    """

    batch: Batch
    sure: pa.Table
    payloads: pa.ChunkedArray
    judged: pa.Table
    identities: Identities
    refused: dict[int, Refused] = field(default_factory=dict)
    seconds: float = 0.0

    def select(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> pa.Table:
        """Accepted rows by their numbers, in ascending order of these."""
        import pyarrow as pa

        wanted = np.asarray(rows, dtype=np.int64)
        is_judged = np.isin(wanted, self.judged["n"].to_numpy())
        sure = self.sure.take(wanted[~is_judged])
        judged = self.judged.filter(np.isin(self.judged["n"].to_numpy(), wanted))
        return pa.concat_tables([sure, judged.cast(sure.schema)]).sort_by("n")

    def text(self, row: int) -> str:
        """The payload of an accepted row."""
        return (self.batch.value(row) or b"").decode()


class Parser:
    """Parses batches one after the other; to be used by one thread at a time."""

    def __init__(self, *, longest: int) -> None:
        self._longest = longest
        self._connection = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")
        self._connection.execute(statement("parse_macros"))

    def __enter__(self) -> Parser:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def parse(self, batch: Batch) -> Parsed:
        """Accept or refuse every record of the batch."""
        began = time.perf_counter()
        payloads = batch.payloads(longest=self._longest)
        table = self._parse(payloads)
        is_sure = table["is_sure"].to_numpy()
        pass_by("after_parse")
        judged, refused = self._judge(batch, table.schema, np.flatnonzero(~is_sure))
        table = table.drop_columns("is_sure")
        return Parsed(
            batch=batch,
            sure=table,
            payloads=payloads["s"],
            judged=judged,
            identities=_identities(table, is_sure, judged),
            refused=refused,
            seconds=time.perf_counter() - began,
        )

    def _parse(self, payloads: pa.Table) -> pa.Table:
        with registered(self._connection, received=payloads):
            try:
                self._connection.execute(statement("payloads_as_received"))
                return self._connection.execute(statement("parse_events")).to_arrow_table()
            except (duckdb.Error, UnicodeDecodeError):  # the latter: a message that quotes the bytes
                # A payload that is no JSON fails the whole statement. To look at each first costs a fifth
                # more, so that is done only for a batch that has one.
                self._connection.execute(statement("payloads_if_json"))
                return self._connection.execute(statement("parse_events")).to_arrow_table()

    def _judge(
        self, batch: Batch, schema: pa.Schema, rows: npt.NDArray[np.int64]
    ) -> tuple[pa.Table, dict[int, Refused]]:
        import pyarrow as pa

        refused: dict[int, Refused] = {}
        accepted: list[dict[str, Any]] = []
        for at in range(0, len(rows), _JUDGED_AT_ONCE):
            some = rows[at : at + _JUDGED_AT_ONCE].tolist()
            values = [batch.value(row) for row in some]
            for row, value, minified in zip(some, values, self._minified(values), strict=True):
                verdict = judge(value, minified, longest=self._longest)
                if isinstance(verdict, Refused):
                    refused[row] = verdict
                elif value is not None:
                    accepted.append({"n": row, "s": value.decode(), **verdict.row})
        given = pa.schema([*(f for f in schema if f.name not in _COMPUTED), pa.field("s", pa.string())])
        with registered(self._connection, accepted=pa.Table.from_pylist(accepted, schema=given)):
            return self._connection.execute(statement("hash_accepted")).to_arrow_table(), refused

    def _minified(self, values: list[bytes | None]) -> list[str | None]:
        import pyarrow as pa

        texts = [_text_to_look_at(value, self._longest) for value in values]
        with registered(self._connection, doubtful=pa.table({"s": pa.array(texts, pa.string())})):
            return [text for (text,) in self._connection.execute(statement("minify")).fetchall()]


def _text_to_look_at(value: bytes | None, longest: int) -> str | None:
    if value is None or len(value) > longest:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _identities(sure: pa.Table, is_sure: npt.NDArray[np.bool_], judged: pa.Table) -> Identities:
    rows = np.concatenate([np.flatnonzero(is_sure), judged["n"].to_numpy()])
    order = np.argsort(rows, kind="stable")

    def hashes(name: str) -> npt.NDArray[np.uint64]:
        both = np.concatenate([sure[name].to_numpy()[is_sure], judged[name].to_numpy()])
        return np.asarray(both[order], dtype=np.uint64)

    return Identities(rows[order], hashes("id_hash"), hashes("payload_hash"))
