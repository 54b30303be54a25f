"""Events for tests, written briefly, and put into `raw_event` as landing would."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from contracts.events import DATA_TYPES, validate

Row = dict[str, Any]


def event(subject: str, verb: str, time: str | datetime, zone: str = "UTC", **data: Any) -> Row:
    """One valid event as a dictionary. `verb` may be a whole type; `time` without offset is of `zone`.

    `id` and `sequence` among the data go to the envelope; the id defaults to subject, verb and time.
    """
    moment = _local(time, zone)
    kind = verb if verb in DATA_TYPES else f"gridrates.case.{verb}.v1"
    fields = {name: _written(value, zone) for name, value in data.items()}
    made = {
        "specversion": "1.0",
        "id": fields.pop("id", f"{subject}-{verb}-{moment.isoformat()}"),
        "source": fields.pop("source", "urn:test"),
        "type": kind,
        "subject": subject,
        "time": moment.isoformat(),
        "sequence": fields.pop("sequence", None),
        "data": fields,
    }
    validate(made)
    return {name: value for name, value in made.items() if value is not None}


def insert_events(connection: duckdb.DuckDBPyConnection, events: Iterable[Row], *, batch_id: int = 1) -> None:
    """Append events to `raw_event` as one landed batch."""
    rows = [_raw_row(made, number, batch_id) for number, made in enumerate(events)]
    if rows:
        names = sorted({name for row in rows for name in row})
        connection.register("new_events", pa.Table.from_pylist([{n: r.get(n) for n in names} for r in rows]))
        connection.execute("INSERT INTO raw_event BY NAME SELECT * FROM new_events")
        connection.unregister("new_events")


def _raw_row(made: Row, number: int, batch_id: int) -> Row:
    checked, data = validate(made)
    return {
        **data.model_dump(exclude_unset=True),
        "event_id": checked.id,
        "source": checked.source,
        "event_type": checked.type,
        "subject_id": checked.subject,
        "occurred_at": checked.time,
        "sequence_no": checked.sequence,
        "kafka_topic": "test",
        "kafka_partition": 0,
        "kafka_offset": batch_id * 1_000_000 + number,
        "payload_hash": 0,
        "id_hash": number,
        "batch_id": batch_id,
        "landed_at": datetime(2026, 1, 1, tzinfo=UTC),
    }


def _local(time: str | datetime, zone: str) -> datetime:
    moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


def _written(value: Any, zone: str) -> Any:
    """Times among the data are written with their offset, like every other value as JSON would have it."""
    if isinstance(value, datetime):
        return _local(value, zone).isoformat()
    return value


def each(rows: Sequence[Row], key: str) -> dict[Any, Row]:
    """Rows by one of their columns."""
    return {row[key]: row for row in rows}
