"""Says whether two events with one id say the same, and if not, in what they differ.

Compares type, subject, time, sequence and data as JSON values. Where the first event's payload is no longer
kept, the columns of the contract stand for it.

Two things are no difference, so that what was landed stays known when rules of masking or keys change: what
is masked in one of the events and perhaps not in the other, and keyed hashes made with different keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from contracts.keyed_hash import key_id
from contracts.landing_rules import COLUMNS
from contracts.personal_data import may_say_the_same
from warehouse.parse import CONTRACT_COLUMNS, Parsed
from warehouse.relations import registered
from warehouse.statements import statement
from warehouse.verdict import Refused, decode

_ATTRIBUTES = ("type", "subject", "time", "sequence")
_NEVER_MASKED = frozenset(CONTRACT_COLUMNS).union(_ATTRIBUTES) - {
    name for name, column in COLUMNS.items() if column.kind.name == "text"
}
_HASHES = frozenset(name for name, column in COLUMNS.items() if column.kind.name == "hash")


@dataclass(frozen=True)
class Place:
    """Where an event is: a row of the batch or, when `is_landed`, a row id of `raw_event`."""

    row: int
    payload_hash: int | None
    is_landed: bool = False


@dataclass(frozen=True)
class _Event:
    """What is compared: the payload's JSON or, where there is none, the columns."""

    minified: str | None
    columns: Mapping[str, Any]
    where: str


def conflicts(
    connection: duckdb.DuckDBPyConnection, parsed: Parsed, pairs: Sequence[tuple[int, Place]]
) -> dict[int, Refused]:
    """Of pairs of a row and the first event with its id, those rows that say something else."""
    if not pairs:
        return {}
    firsts = [first for _, first in pairs]
    batch_rows = {row for row, _ in pairs} | {first.row for first in firsts if not first.is_landed}
    ours = _of_batch(connection, parsed, sorted(batch_rows))
    landed = _of_history(connection, sorted({first.row for first in firsts if first.is_landed}))
    found = {}
    for row, first in pairs:
        before = landed[first.row] if first.is_landed else ours[first.row]
        differing = _differences(before, ours[row])
        if differing:
            found[row] = _refused(ours[row], before, differing)
    return found


def _of_batch(
    connection: duckdb.DuckDBPyConnection, parsed: Parsed, rows: Sequence[int]
) -> dict[int, _Event]:
    offsets, partitions = parsed.batch.offsets, parsed.batch.partitions
    events = parsed.select(rows).append_column("payload", [[parsed.text(row) for row in rows]])
    with registered(connection, events=events):
        table = connection.execute(statement("batch_content")).to_arrow_table()
    return {
        event["n"]: _event(event, f"partition {partitions[event['n']]}, offset {offsets[event['n']]}")
        for event in table.to_pylist()
    }


def _of_history(connection: duckdb.DuckDBPyConnection, rows: Sequence[int]) -> dict[int, _Event]:
    import pyarrow as pa

    with registered(connection, wanted=pa.table({"history_row": pa.array(rows, pa.int64())})):
        table = connection.execute(statement("history_content")).to_arrow_table()
    return {
        event["history_row"]: _event(
            event,
            f"{event['kafka_topic']}, partition {event['kafka_partition']}, offset {event['kafka_offset']}",
        )
        for event in table.to_pylist()
    }


def _event(row: Mapping[str, Any], where: str) -> _Event:
    return _Event(row["minified"], {name: row[name] for name in CONTRACT_COLUMNS}, where)


def _differences(before: _Event, now: _Event) -> list[str]:
    """The names of what is not the same."""
    if before.minified is None or now.minified is None:
        pairs = (before.columns, now.columns)
    else:
        pairs = (_content(before.minified), _content(now.minified))
    names = dict.fromkeys([*pairs[0], *pairs[1]])
    return [name for name in names if not _is_same(name, pairs[0].get(name), pairs[1].get(name))]


def _is_same(name: str, before: Any, now: Any) -> bool:
    if before == now:
        return True
    if not (isinstance(before, str) and isinstance(now, str)):
        return False
    field = name.removeprefix("data.")
    if field in _HASHES:
        return key_id(before.strip('"')) != key_id(now.strip('"'))
    return field not in _NEVER_MASKED and may_say_the_same(before, now)


def _content(minified: str) -> dict[str, str]:
    """Attributes and fields by name, each written in the one way that equal values share."""
    try:
        event = decode(minified)
    except (ValueError, RecursionError):  # what only DuckDB reads, or close to the depth that is refused
        return {"payload": minified}
    fields = {name: event.get(name) for name in _ATTRIBUTES}
    fields |= {f"data.{name}": value for name, value in event["data"].items()}
    return {name: json.dumps(value, sort_keys=True, ensure_ascii=False) for name, value in fields.items()}


def _refused(event: _Event, before: _Event, differing: Sequence[str]) -> Refused:
    source, event_id = event.columns["source"], event.columns["event_id"]
    return Refused(
        "id_conflict",
        f"The id {event_id} of {source} belongs to another event ({before.where}), which differs in "
        f"{', '.join(differing[:10])}.",
        source=source,
        event_id=event_id,
    )
