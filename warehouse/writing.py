"""Writes one batch: rows, rejects, positions and ledger, in the one transaction that the caller holds open.

Writes `raw_event`, `raw_rejected_event`, `raw_landing_offset` and `raw_landing_batch`; begins and commits
nothing itself.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import numpy.typing as npt

from contracts.personal_data import mask, mask_payload
from gridrates import __version__
from warehouse.batch import Batch, Record
from warehouse.chunks import Header, Integers
from warehouse.duplicates import Repeats
from warehouse.parse import Identities, Parsed, Part
from warehouse.relations import registered
from warehouse.statements import statement
from warehouse.verdict import Refused

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Landing:
    """A batch with everything decided: what the transaction writes."""

    batch_id: int
    topic_id: str | None
    parsed: Parsed
    repeats: Repeats
    keep_payload: bool

    @property
    def batch(self) -> Batch:
        """The records."""
        return self.parsed.batch

    @cached_property
    def refused(self) -> Mapping[int, Refused]:
        """Refused rows, conflicts among them."""
        return self.parsed.refused | self.repeats.conflicts

    @cached_property
    def is_landed(self) -> npt.NDArray[np.bool_]:
        """For each row of the batch whether it becomes an event."""
        is_landed = np.zeros(len(self.batch), dtype=np.bool_)
        is_landed[self.parsed.identities.rows] = True
        is_landed[self.repeats.duplicates] = False
        is_landed[_numbers(self.repeats.conflicts)] = False
        return is_landed

    @cached_property
    def landed_rows(self) -> Integers:
        """The rows that become events."""
        return np.flatnonzero(self.is_landed)

    @property
    def landed_identities(self) -> Identities:
        """Who they are."""
        accepted = self.parsed.identities
        return accepted.at(self.is_landed[accepted.rows])


def write_rows(connection: duckdb.DuckDBPyConnection, landing: Landing) -> int:
    """Insert the good events; return how many DuckDB says there were."""
    return sum(_insert_part(connection, landing, part) for part in landing.parsed.parts if len(part.rows))


def write_rejects(connection: duckdb.DuckDBPyConnection, landing: Landing) -> int:
    """Insert the refused records with their reasons; return how many."""
    if not landing.refused:
        return 0
    import pyarrow as pa

    rows = [_reject(landing.batch, row, refused) for row, refused in sorted(landing.refused.items())]
    with registered(connection, refused=pa.Table.from_pylist(rows, schema=_reject_schema())):
        return _count(
            connection, "insert_rejects", {"topic": landing.batch.topic, "batch_id": landing.batch_id}
        )


def write_offsets(connection: duckdb.DuckDBPyConnection, landing: Landing) -> None:
    """Move the stored positions to the end of the batch."""
    import pyarrow as pa

    offsets = landing.batch.to_offsets
    moved = pa.table({"kafka_partition": list(offsets), "next_offset": list(offsets.values())})
    with registered(connection, moved=moved):
        connection.execute(
            statement("merge_offsets"), {"topic": landing.batch.topic, "topic_id": landing.topic_id}
        )


def write_ledger(
    connection: duckdb.DuckDBPyConnection, landing: Landing, *, write_seconds: float
) -> list[dict[str, Any]]:
    """Insert a line of the ledger for each partition that moved; return them."""
    import pyarrow as pa

    lines = [
        line
        for partition in sorted(landing.batch.to_offsets)
        if (line := _ledger_line(landing, partition))["to_offset"] != line["from_offset"]
    ]
    seconds = {
        "fetch_seconds": landing.batch.fetch_seconds,
        "parse_seconds": landing.parsed.seconds,
        "write_seconds": write_seconds,
        "started_at": datetime.fromtimestamp(landing.batch.started_at, UTC),
    }
    if lines:
        with registered(connection, lines=pa.Table.from_pylist([line | seconds for line in lines])):
            connection.execute(
                statement("insert_ledger"),
                {"topic": landing.batch.topic, "batch_id": landing.batch_id, "version": __version__},
            )
    return lines


def _insert_part(connection: duckdb.DuckDBPyConnection, landing: Landing, part: Part) -> int:
    import pyarrow as pa

    batch = landing.batch
    numbers = part.table["n"].to_numpy()
    rows = _without_empty_columns(part.table)
    rows = rows.append_column("is_landed", [pa.array(part.is_good & landing.is_landed[numbers])])
    rows = rows.append_column("kafka_partition", [batch.partitions[numbers].astype(np.int32)])
    rows = rows.append_column("kafka_offset", [batch.offsets[numbers]])
    rows = rows.append_column("kafka_at", [_moments(batch.timestamps[numbers])])
    values = {"topic": batch.topic, "batch_id": landing.batch_id, "keep_payload": landing.keep_payload}
    with registered(connection, rows=rows):
        return _count(connection, "insert_events", values)


def _without_empty_columns(table: pa.Table) -> pa.Table:
    """What is null in all rows need not be handed over: most fields of the contract are rare."""
    return table.select([name for name in table.column_names if table[name].null_count < len(table)])


def _count(connection: duckdb.DuckDBPyConnection, name: str, values: Mapping[str, Any]) -> int:
    row = connection.execute(statement(name), values).fetchone()
    return int(row[0]) if row else 0


def _ledger_line(landing: Landing, partition: int) -> dict[str, Any]:
    batch = landing.batch
    is_here = batch.partitions == partition

    def count(rows: Integers) -> int:
        return int(is_here[rows].sum())

    return {
        "kafka_partition": partition,
        "from_offset": batch.from_offsets[partition],
        "to_offset": batch.to_offsets[partition],
        "read_count": int(is_here.sum()),
        "landed_count": count(landing.landed_rows),
        "duplicate_count": count(landing.repeats.duplicates),
        "rejected_count": count(_numbers(landing.refused)),
        "conflict_count": count(_numbers(landing.repeats.conflicts)),
        "byte_count": int(np.maximum(batch.sizes[is_here], 0).sum()),
    }


def _numbers(rows: Mapping[int, Refused]) -> Integers:
    return np.fromiter(rows, dtype=np.int64)


def _moments(timestamps: Integers) -> pa.Array:
    """Kafka's milliseconds as times; null where Kafka knows none."""
    import pyarrow as pa

    return pa.array(timestamps * 1000, pa.timestamp("us", "UTC"), mask=timestamps < 0)


def _reject_schema() -> pa.Schema:
    import pyarrow as pa

    texts = ("reason_code", "reason_text", "source", "event_id", "headers")
    return pa.schema(
        [
            *((name, pa.string()) for name in texts),
            ("record_key", pa.binary()),
            ("payload", pa.binary()),
            ("kafka_partition", pa.int32()),
            ("kafka_offset", pa.int64()),
            ("kafka_at", pa.timestamp("ms", "UTC")),
        ]
    )


def _reject(batch: Batch, row: int, refused: Refused) -> dict[str, Any]:
    record = batch.record(row)
    return {
        "reason_code": refused.code,
        "reason_text": mask(refused.text),
        "source": refused.source,
        "event_id": refused.event_id,
        "headers": _headers_text(record.headers),
        "record_key": _masked_key(record),
        "payload": record.value,
        "kafka_partition": record.partition,
        "kafka_offset": record.offset,
        "kafka_at": record.timestamp if record.timestamp >= 0 else None,
    }


def _headers_text(headers: list[Header]) -> str | None:
    """Headers as a JSON array of [name, value]; a value that is no text is {"base64": …}."""
    return json.dumps([[name, _header_value(value)] for name, value in headers]) if headers else None


def _header_value(value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        return mask(value.decode())
    except UnicodeDecodeError:
        return {"base64": b64encode(value).decode()}


def _masked_key(record: Record) -> bytes | None:
    """The key of a refused record; the name of a case or an event is left as it is."""
    if record.key is None or (record.value and b'"%b"' % record.key in record.value):
        return record.key
    return mask_payload(record.key)
