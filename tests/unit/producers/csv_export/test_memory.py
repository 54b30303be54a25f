"""What imports remember is compared within the memory that DuckDB may use, however much has changed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from producers.csv_export import memory
from producers.csv_export.mapper import Made
from producers.csv_export.memory import Changes, Memory

pytestmark = pytest.mark.full
ROWS, PORTION = 400_000, 20_000
# A comparison of all rows at once needs several times as much.
LIMIT = "48MB"


@pytest.fixture(autouse=True)
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MEMORY_LIMIT", LIMIT)
    monkeypatch.setattr(memory, "SLICE_ROWS", 100_000)


def name_of(row: int, version: int) -> str:
    return hashlib.md5(f"{row} {version}".encode(), usedforsecurity=False).hexdigest()


def note(kept: Memory, version: int) -> int:
    """Note every row with the cells of a version, and an event of it; how many of these can go at once."""
    sent = 0
    for first in range(0, ROWS, PORTION):
        rows = np.arange(first, first + PORTION)
        events = [
            b'{"specversion":"1.0","id":"%s"}' % name_of(row, version).encode() for row in rows.tolist()
        ]
        places = np.arange(PORTION)
        made = Made(
            places,
            np.zeros(PORTION, np.int64),
            pa.array([b"C-%d" % row for row in rows.tolist()], pa.binary()),
            pa.array(events, pa.binary()),
        )
        keys, contents = rows.astype(np.uint64), (rows + version * ROWS).astype(np.uint64)
        nowhere = np.empty(0, np.int64)
        sent += len(kept.note(keys, contents, made, rows, refused=nowhere, known=nowhere).rows)
    return sent


def test_an_export_of_which_every_row_has_changed_is_compared(tmp_path: Path) -> None:
    with Memory(tmp_path, "m", "source") as first:
        assert note(first, 0) == ROWS
        assert first.compare() == Changes(retracted=0, vanished=0, uncorrected=0)
        first.keep()
    with Memory(tmp_path, "m", "source") as second:
        assert note(second, 1) == 0
        assert second.compare() == Changes(retracted=ROWS, vanished=0, uncorrected=0)
        changed = [json.loads(event)["id"] for rows in second.changed() for *_, event in rows]
        assert changed == [name_of(row, 1) for row in range(ROWS)]
        retracted = [
            json.loads(event)["data"]["retracts"] for pairs in second.retractions() for _, event in pairs
        ]
        assert sorted(retracted) == sorted(name_of(row, 0) for row in range(ROWS))
        second.keep()
    with Memory(tmp_path, "m", "source") as third:
        assert third.is_known(np.arange(2 * ROWS, dtype=np.uint64)).sum() == ROWS
