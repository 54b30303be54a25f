"""Payloads and batches for tests of the landing, made without a broker."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from warehouse.batch import Batch
from warehouse.chunks import Header, of_records

LONGEST = 1024 * 1024


@dataclass(frozen=True)
class Sent:
    """A record as kafka-python gives it, as far as the landing looks."""

    offset: int
    value: bytes | None
    key: bytes | None = b"C-1"
    timestamp: int = 1_777_593_600_000
    headers: list[Header] = field(default_factory=list)


def event(**changes: Any) -> dict[str, Any]:
    """A good event. Attributes go to the envelope, `data` replaces the whole of it; None leaves one out."""
    made = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/test",
        "type": "gridrates.case.accepted.v1",
        "subject": "C-1",
        "time": "2026-05-01T08:00:00+08:00",
        "data": {"unit_code": "U1"},
    }
    return {name: value for name, value in (made | changes).items() if value is not None}


def payload(**changes: Any) -> bytes:
    """A good event as JSON; see `event`."""
    return json.dumps(event(**changes), ensure_ascii=False).encode()


def payloads(count: int, **changes: Any) -> list[bytes]:
    """Good events with ids e-0, e-1 …, each of a minute of its own."""
    return [
        payload(id=f"e-{n}", time=f"2026-05-01T{n // 60 % 24:02}:{n % 60:02}:00+08:00", **changes)
        for n in range(count)
    ]


def batch_of(values: Sequence[bytes | None], *, partition: int = 0, first: int = 0) -> Batch:
    """A batch of one partition."""
    return batch_of_partitions({partition: values}, first=first)


def batch_of_partitions(values: dict[int, Sequence[bytes | None]], *, first: int = 0) -> Batch:
    """A batch with a chunk for every partition; all start at offset `first`."""
    chunks = [of_records(number, _sent(some, first)) for number, some in values.items()]
    return Batch.of(
        "case-events",
        chunks,
        from_offsets=dict.fromkeys(values, first),
        to_offsets={number: first + len(some) for number, some in values.items()},
    )


def _sent(values: Iterable[bytes | None], first: int) -> list[Sent]:
    return [Sent(first + number, value) for number, value in enumerate(values)]
