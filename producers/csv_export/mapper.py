"""Maps chunks of rows to events with DuckDB, in memory.

Reads columns of text; writes nothing. Guarantees one outcome a row, in order: its events, or the check it
failed. A cell whose bytes its file's encoding does not know fails before DuckDB sees it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from contracts.keyed_hash import LEAST_KEY_BYTES, keyed_hash
from gridrates.arrow_stream import ArrowStream
from gridrates.errors import InputError
from gridrates.settings import load_settings
from producers.csv_export.plan import Check, Plan
from producers.csv_export.reading import BLANKS, GUARD
from producers.mapping import Mapping

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Picked:
    """Rows made ready for DuckDB, and the checks that some failed on the way, by their place."""

    table: pa.Table
    bad: dict[int, Check]

    def only(self, places: npt.NDArray[np.int64]) -> Picked:
        """Some of the rows, in the order of `places`."""
        bad = {new: self.bad[old] for new, old in enumerate(places.tolist()) if old in self.bad}
        return Picked(self.table.take(places), bad)


@dataclass(frozen=True)
class Made:
    """Events in the order of their rows: of each the place of its row, which event of the mapping it is, its
    key and its bytes.
    """

    rows: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.int64]
    keys: pa.Array
    events: pa.Array

    def only(self, wanted: npt.NDArray[np.bool_]) -> Made:
        """Some of the events."""
        if wanted.all():
            return self
        import pyarrow as pa

        mask = pa.array(wanted)
        return Made(self.rows[wanted], self.kinds[wanted], self.keys.filter(mask), self.events.filter(mask))


@dataclass(frozen=True)
class Outcomes:
    """What became of rows: the checks that some failed, by their place, and the events of the others; and of
    rows whose steps run backwards, which event of the mapping lies before an earlier one, by their place.
    """

    failed: dict[int, Check]
    made: Made
    backwards: dict[int, int]


class Mapper:
    """Maps by one plan; for one thread. Raises InputError when DuckDB cannot carry the plan out."""

    def __init__(self, plan: Plan) -> None:
        import duckdb
        import pyarrow as pa

        self.plan = plan
        self._empty = pa.array(sorted(plan.empty), pa.string())
        self._fingerprints = (Path(__file__).parent / "sql" / "fingerprints.sql.j2").read_text(
            encoding="utf-8"
        )
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.execute("SET TimeZone = 'UTC'")
        if "keyed_hash(" in plan.sql:
            self._connection.create_function("keyed_hash", _keyed_hash(), ["VARCHAR"], "VARCHAR")
        try:
            self._run(self._table([pa.array([], pa.string()) for _ in plan.columns]))
        except duckdb.Error as error:
            raise InputError(
                f"The mapping cannot be carried out: {error}.",
                remedy="Mend the time format or the pattern named.",
            ) from error

    def picked(self, columns: Sequence[pa.Array], bad: dict[int, str]) -> Picked:
        """Rows made ready once for `hashes` and `outcomes`: the cells of the plan's columns; and of the rows
        with bytes that the file's encoding lacks the names of the columns that hold them, by their place.
        """
        checks = {
            place: Check("bytes", f"{name!r} holds bytes that the file's encoding lacks", (name,))
            for place, name in bad.items()
        }
        return Picked(self._table(columns), checks)

    def hashes(self, picked: Picked, mapping: Mapping) -> tuple[Hashes, Hashes]:
        """Of each row, a hash of what names it and one of all its cells and the mapping."""
        columns = self.plan.columns
        key = (mapping.row or mapping.id).columns
        sql = self._fingerprints.format(
            key=", ".join(f"c{columns.index(name)}" for name in key),
            cells=", ".join(f"c{index}" for index in range(len(columns))),
            mapping=hashlib.sha256(mapping.model_dump_json().encode()).hexdigest()[:16],
        )
        self._connection.register("chunk", ArrowStream(picked.table))
        found = self._connection.execute(sql).fetchnumpy()
        return found["row_key"], found["content"]

    def day_month(self, picked: Picked) -> list[tuple[int, int, int]]:
        """Of each time of the plan that could be in either order of day and month: how many rows are read,
        how many tell the order, and how many could be read in the other one alone.
        """
        self._connection.register("chunk", ArrowStream(picked.table))
        found = self._connection.execute(self.plan.day_month_sql).fetchone() or ()
        return list(zip(found[::3], found[1::3], found[2::3], strict=True))

    def outcomes(self, picked: Picked) -> Outcomes:
        """What becomes of rows that were made ready."""
        problems, keys, backwards, *events = self._run(picked.table)
        failed = {place: self.plan.checks[number] for place, number in _filled(problems).items()}
        return Outcomes(failed | picked.bad, _by_row(keys, events), _filled(backwards))

    def _run(self, chunk: pa.Table) -> list[pa.Array]:
        self._connection.register("chunk", ArrowStream(chunk))
        found = self._connection.execute(self.plan.sql).to_arrow_table()
        return [column.combine_chunks() for column in found.columns[1:]]

    def _table(self, columns: Sequence[pa.Array]) -> pa.Table:
        import pyarrow as pa

        cells = {f"c{index}": self._clean(column) for index, column in enumerate(columns)}
        return pa.table({"row_no": pa.array(range(len(columns[0])), pa.int32())} | cells)

    def _clean(self, cells: pa.Array) -> pa.Array:
        """Cells without the blanks at their ends and guards; null for those that say nothing."""
        import pyarrow.compute as pc

        trimmed = pc.utf8_trim(cells, characters=BLANKS)
        if pc.any(pc.starts_with(trimmed, '="')).as_py():
            trimmed = pc.replace_substring_regex(trimmed, GUARD, r"\1")
        return pc.if_else(pc.is_in(trimmed, value_set=self._empty), None, trimmed)


def _filled(numbers: pa.Array) -> dict[int, int]:
    """The numbers that are there, by their place."""
    return dict(
        zip(np.flatnonzero(numbers.is_valid()).tolist(), numbers.drop_null().to_pylist(), strict=True)
    )


def _by_row(keys: pa.Array, events: Sequence[pa.Array]) -> Made:
    """Events that come as a column for each event of the mapping."""
    import pyarrow as pa

    is_made = np.stack([np.asarray(column.is_valid()) for column in events], axis=1)
    rows, kinds = np.nonzero(is_made)
    made = pa.concat_arrays(events).take(pa.array(kinds * len(keys) + rows))
    return Made(rows, kinds, keys.take(pa.array(rows)).cast(pa.binary()), made.cast(pa.binary()))


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
