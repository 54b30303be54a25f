"""Tells first-comers from duplicates and conflicts, against the batch itself and against all of history.

An event is who it is by (`source`, `event_id`). The same one again with the same content is a duplicate: it
is counted and dropped. With other content it is a conflict: it is refused. Content is type, subject, time,
sequence and data as JSON values; the order of keys and white space say nothing. First is what was landed
first; within a batch, what comes first by (partition, offset).

How it stays fast: 64-bit hashes of all ids are held in memory, so that a batch of new events never reads
the table; where much comes again, those of all payloads too, so that what comes again byte by byte does not
read it either. Only other ids that hit are looked up, first around the times they carry (a true duplicate
carries the time of the first), and through all of history only when they are not found there. Two payloads
with the same hash, whose ids are the same or have the same hash, are taken as the same; others are compared
value by value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt

from warehouse.content import Place, conflicts
from warehouse.hash_filter import Hashes, HashFilter
from warehouse.parse import Identities, Parsed
from warehouse.relations import registered
from warehouse.statements import statement
from warehouse.verdict import Refused

if TYPE_CHECKING:
    import pyarrow as pa

Rows: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Key: TypeAlias = tuple[str, str]

# How many separate stretches of time are looked into at the most: more would read less and start more
# queries. A history of so many events is read as quickly as another query is started.
_STRETCHES = 8
_QUICKLY_READ = 200_000
# Looking up fewer events than these takes less time than reading the hashes of all payloads.
_QUICKLY_LOOKED_UP = 1_000
_ASKED_FOR = ("source", "event_id", "occurred_at", "id_hash", "payload_hash")


@dataclass(frozen=True)
class Repeats:
    """Rows of a batch that are not to be landed: duplicates, and conflicts with the reason."""

    duplicates: Rows
    conflicts: dict[int, Refused] = field(default_factory=dict)


class History:
    """The events that have been landed. Reads `raw_event`; holds about nine bytes an event in memory, and
    twice as many once much comes again.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._ids = HashFilter(self._landed("history_ids"))
        self._payloads: HashFilter | None = None

    def add(self, landed: Identities) -> None:
        """Note what a transaction has landed."""
        self._ids.add(landed.id_hashes)
        if self._payloads:
            self._payloads.add(landed.payload_hashes)

    def repeats(self, parsed: Parsed) -> Repeats:
        """Find the rows whose id was landed before or comes earlier in the batch."""
        everything = parsed.identities
        is_known = self._ids.contains(everything.id_hashes)
        is_suspect = is_known | _is_repeated(everything.id_hashes)
        suspects, is_known = everything.at(is_suspect), is_known[is_suspect]
        is_landed = self._is_landed(suspects, is_known)
        rest, is_known = suspects.at(~is_landed), is_known[~is_landed]
        is_first, is_alike = _within_batch(rest)
        is_open = is_known | ~is_alike
        compared = self._compare(parsed, rest.rows[is_open], is_known[is_open])
        duplicates = [suspects.rows[is_landed], rest.rows[~is_open & ~is_first], compared.duplicates]
        return Repeats(np.sort(np.concatenate(duplicates)), compared.conflicts)

    def _landed(self, name: str) -> Hashes:
        (column,) = self._connection.execute(statement(name)).fetchnumpy().values()
        return np.ma.compressed(column).astype(np.uint64, copy=False)

    def _is_landed(self, suspects: Identities, is_known: Flags) -> Flags:
        """Which of those with a known id were landed byte by byte; none of a few, which are looked up."""
        if self._payloads is None:
            if is_known.sum() < _QUICKLY_LOOKED_UP:
                return np.zeros(len(is_known), dtype=np.bool_)
            self._payloads = HashFilter(self._landed("history_payloads"))
        return is_known & self._payloads.contains(suspects.payload_hashes)

    def _compare(self, parsed: Parsed, rows: Rows, is_known: Flags) -> Repeats:
        """Tell apart what hashes cannot: rows that share their id with others or with history."""
        if not len(rows):
            return Repeats(rows)
        suspects = parsed.select(rows, _ASKED_FOR)
        return self._sort_out(parsed, suspects, self._look_up(suspects.filter(is_known)))

    def _sort_out(self, parsed: Parsed, suspects: pa.Table, firsts: dict[Key, Place]) -> Repeats:
        """Go through the suspects in order; the first of an id is none, unless history has it."""
        duplicates: list[int] = []
        differing: list[tuple[int, Place]] = []
        for row, source, event_id, payload_hash in _tuples(
            suspects, "n", "source", "event_id", "payload_hash"
        ):
            first = firsts.setdefault((source, event_id), Place(row, payload_hash))
            if first.row == row and not first.is_landed:
                continue
            if first.payload_hash == payload_hash:
                duplicates.append(row)
            else:
                differing.append((row, first))
        refused = conflicts(self._connection, parsed, differing)
        duplicates += [row for row, _ in differing if row not in refused]
        return Repeats(np.array(sorted(duplicates), dtype=np.int64), refused)

    def _look_up(self, wanted: pa.Table) -> dict[Key, Place]:
        """The landed events that carry a wanted hash."""
        firsts: dict[Key, Place] = {}
        found: set[int] = set()
        for first, last in _stretches(wanted, 1 + min(len(self._ids) // _QUICKLY_READ, _STRETCHES - 1)):
            self._look_between(wanted, first, last, firsts, found)
        is_missing = [id_hash not in found for (id_hash,) in _tuples(wanted, "id_hash")]
        if any(is_missing):
            self._look_between(wanted.filter(is_missing), "-infinity", "infinity", firsts, found)
        return firsts

    def _look_between(
        self, wanted: pa.Table, first: str, last: str, firsts: dict[Key, Place], found: set[int]
    ) -> None:
        with registered(self._connection, wanted=wanted):
            rows = self._connection.execute(statement("history_look_up"), {"first": first, "last": last})
            for source, event_id, payload_hash, id_hash, row in rows.fetchall():
                firsts.setdefault((source, event_id), Place(row, payload_hash, is_landed=True))
                found.add(id_hash)


def _is_repeated(hashes: Hashes) -> Flags:
    """For each hash whether another one equals it."""
    order = np.argsort(hashes)
    is_same = np.diff(hashes[order]) == 0
    repeated = np.zeros(len(hashes), dtype=np.bool_)
    repeated[order[:-1]] |= is_same
    repeated[order[1:]] |= is_same
    return repeated


def _within_batch(some: Identities) -> tuple[Flags, Flags]:
    """For each whether it is the first with its id, and whether all with that id have the same payload."""
    _, firsts, groups = np.unique(some.id_hashes, return_index=True, return_inverse=True)
    is_other = some.payload_hashes != some.payload_hashes[firsts][groups]
    is_alike = np.ones(len(firsts), dtype=np.bool_)
    is_alike[groups[is_other]] = False
    return firsts[groups] == np.arange(len(groups)), is_alike[groups]


def _stretches(wanted: pa.Table, most: int) -> Iterator[tuple[str, str]]:
    """The times of the wanted events as a few stretches, parted at the largest gaps."""
    times = np.sort(wanted["occurred_at"].to_numpy().astype("datetime64[us]"))
    if not len(times):
        return
    gaps = np.argsort(np.diff(times))
    widest = np.sort(gaps[max(len(gaps) - (most - 1), 0) :])
    for first, last in zip([0, *(widest + 1)], [*widest, len(times) - 1], strict=True):
        yield f"{times[first]}Z", f"{times[last]}Z"


def _tuples(table: pa.Table, *names: str) -> Iterator[tuple]:  # type: ignore[type-arg]
    return zip(*(table[name].to_pylist() for name in names), strict=True)
