"""Maps chunks of rows to events with DuckDB, in memory.

Reads rows of text; writes nothing. Guarantees one outcome a row, in order: its events, or the check it
failed. A cell whose bytes its file's encoding does not know fails before DuckDB sees it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from contracts.keyed_hash import LEAST_KEY_BYTES, keyed_hash
from gridrates.errors import InputError
from gridrates.settings import load_settings
from producers.csv_export.plan import Check, Plan
from producers.csv_export.reading import BLANKS, has_bad_bytes
from producers.mapping import Mapping

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    Hashes = npt.NDArray[np.uint64]

# A row's events in the order of the mapping; None where one is not made.
Events: TypeAlias = "list[bytes | None]"
# A row's key and events, or the check that it failed.
Outcome: TypeAlias = "tuple[bytes, Events] | Check"


@dataclass(frozen=True)
class Picked:
    """Rows made ready for DuckDB, and the checks that some failed on the way, by their place."""

    table: pa.Table
    bad: dict[int, Check]

    def only(self, places: Sequence[int]) -> Picked:
        """Some of the rows, in the order of `places`."""
        bad = {new: self.bad[old] for new, old in enumerate(places) if old in self.bad}
        return Picked(self.table.take(np.asarray(places, np.int64)), bad)


class Mapper:
    """Maps by one plan; for one thread. Raises InputError when DuckDB cannot carry the plan out."""

    def __init__(self, plan: Plan) -> None:
        import duckdb

        self._plan = plan
        self._fingerprints = (Path(__file__).parent / "sql" / "fingerprints.sql.j2").read_text(
            encoding="utf-8"
        )
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.execute("SET TimeZone = 'UTC'")
        if "keyed_hash(" in plan.sql:
            self._connection.create_function("keyed_hash", _keyed_hash(), ["VARCHAR"], "VARCHAR")
        try:
            self._run(self._table([]))
        except duckdb.Error as error:
            raise InputError(
                f"The mapping cannot be carried out: {error}.",
                remedy="Mend the time format or the pattern named.",
            ) from error

    def map(self, rows: Sequence[Sequence[str]], positions: Sequence[int]) -> list[Outcome]:
        """The outcomes of rows, whose cells at `positions` are the columns of the plan."""
        return self.outcomes(self.picked(rows, positions))

    def picked(self, rows: Sequence[Sequence[str]], positions: Sequence[int]) -> Picked:
        """The columns of the plan of some rows, made ready once for `hashes` and `outcomes`."""
        columns = [[row[position] for row in rows] for position in positions]
        try:
            return Picked(self._table(columns), {})
        except UnicodeEncodeError:
            bad = self._bad_rows(columns)
            clean = [["" if i in bad else c for i, c in enumerate(cells)] for cells in columns]
            return Picked(self._table(clean), bad)

    def hashes(self, picked: Picked, mapping: Mapping) -> tuple[Hashes, Hashes]:
        """Of each row, a hash of what names it and one of all its cells and the mapping."""
        columns = self._plan.columns
        key = (mapping.row or mapping.id).columns
        sql = self._fingerprints.format(
            key=", ".join(f"c{columns.index(name)}" for name in key),
            cells=", ".join(f"c{index}" for index in range(len(columns))),
            mapping=hashlib.sha256(mapping.model_dump_json().encode()).hexdigest()[:16],
        )
        self._connection.register("chunk", picked.table)
        found = self._connection.execute(sql).fetchnumpy()
        return found["row_key"], found["content"]

    def outcomes(self, picked: Picked) -> list[Outcome]:
        """The outcomes of rows that were made ready."""
        outcomes = self._run(picked.table)
        for place, check in picked.bad.items():
            outcomes[place] = check
        return outcomes

    def _run(self, chunk: pa.Table) -> list[Outcome]:
        self._connection.register("chunk", chunk)
        checks = self._plan.checks
        return [
            (key, events) if problem is None else checks[problem]
            for _, problem, key, *events in self._connection.execute(self._plan.sql).fetchall()
        ]

    def _table(self, picked: Sequence[Sequence[str]]) -> pa.Table:
        import pyarrow as pa

        cells = [pa.array(self._clean(column), pa.string()) for column in picked]
        cells = cells or [pa.array([], pa.string()) for _ in self._plan.columns]
        numbers = pa.array(range(len(cells[0])), pa.int32())
        names = ["row_no", *(f"c{index}" for index in range(len(cells)))]
        return pa.Table.from_arrays([numbers, *cells], names=names)

    def _clean(self, cells: Sequence[str]) -> list[str | None]:
        """Cells without the blanks at their ends; None for those that say nothing."""
        trimmed = [cell.strip() for cell in cells]
        text = "".join(trimmed)
        if "\u200b" in text or "\ufeff" in text:
            trimmed = [cell.strip(BLANKS) for cell in trimmed]
        empty = self._plan.empty
        return [None if cell in empty else cell for cell in trimmed]

    def _bad_rows(self, picked: Sequence[Sequence[str]]) -> dict[int, Check]:
        found: dict[int, Check] = {}
        for name, cells in zip(self._plan.columns, picked, strict=True):
            check = Check("bytes", f"{name!r} holds bytes that the file's encoding lacks", (name,))
            found |= {number: check for number, cell in enumerate(cells) if has_bad_bytes(cell)}
        return found


def _keyed_hash() -> Callable[[str], str]:
    """The hash of a text under the key of the settings. Raises InputError when there is none."""
    settings = load_settings()
    key = settings.hash_key.get_secret_value() if settings.hash_key else ""
    if len(key.encode()) < LEAST_KEY_BYTES:
        raise InputError(
            f"The mapping asks for keyed hashes, and there is no key of {LEAST_KEY_BYTES} bytes or more.",
            remedy="Set GRIDRATES_HASH_KEY where the program is started, such as to the output of "
            "`openssl rand -hex 32`, and keep it.",
        )
    return lambda said: keyed_hash(said, key, settings.hash_key_id)
