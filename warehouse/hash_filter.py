"""Which 64-bit hashes have been seen: all of them, in about nine bytes each.

Held in memory for the time of a landing. A bitmap answers for nearly every new hash; sorted runs answer
for the rest, exactly. Runs are merged as they grow, so that adding stays cheap and there are never many.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Hashes: TypeAlias = npt.NDArray[np.uint64]

_BITS_A_HASH = 8
_FEWEST_BITS = 20


class HashFilter:
    """A set of 64-bit hashes that are spread evenly, as hashes are."""

    def __init__(self, hashes: Hashes) -> None:
        self._runs: list[Hashes] = [np.sort(hashes)]
        self._fill_bitmap()

    def __len__(self) -> int:
        """Hashes added, however often."""
        return sum(map(len, self._runs))

    @property
    def byte_count(self) -> int:
        """Memory held."""
        return self._bitmap.nbytes + sum(run.nbytes for run in self._runs)

    def contains(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """For each hash whether it has been added."""
        slots, bits = self._places(hashes)
        found: npt.NDArray[np.bool_] = (self._bitmap[slots] & bits) != 0
        candidates = np.flatnonzero(found)
        found[candidates] = self._in_runs(hashes[candidates])
        return found

    def add(self, hashes: Hashes) -> None:
        """Add hashes; they need not be new."""
        run = np.sort(hashes)
        self._runs.append(run)
        while len(self._runs) > 1 and 2 * len(self._runs[-1]) > len(self._runs[-2]):
            last = self._runs.pop()
            merged = np.concatenate([self._runs.pop(), last])
            merged.sort(kind="stable")  # it merges what is in order already, in a third of the time
            self._runs.append(merged)
        if len(self) * _BITS_A_HASH > 2 << self._bits:
            self._fill_bitmap()
        else:
            self._mark(run)

    def _in_runs(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(hashes), dtype=np.bool_)
        order = np.argsort(hashes)  # the search is several times as fast when it only moves forward
        for run in self._runs:
            if len(run):
                at = np.searchsorted(run, hashes[order])
                found[order] |= run[np.minimum(at, len(run) - 1)] == hashes[order]
        return found

    def _fill_bitmap(self) -> None:
        """Make a bitmap of the right size, a stretch that fits into the processor's cache at a time."""
        self._bits = max(_FEWEST_BITS, (len(self) * _BITS_A_HASH - 1).bit_length())
        stretches = []
        for first in range(0, 1 << self._bits, 1 << _FEWEST_BITS):
            marks = np.zeros(1 << _FEWEST_BITS, dtype=np.uint8)
            for run in self._runs:
                marks[self._numbers(_between(run, first, _FEWEST_BITS, self._bits)) - first] = 1
            stretches.append(np.packbits(marks, bitorder="little"))
        self._bitmap = np.concatenate(stretches)

    def _mark(self, run: Hashes) -> None:
        """Mark hashes that are in order: those that share a byte are then neighbours."""
        if len(run):
            slots, bits = self._places(run)
            firsts = np.flatnonzero(np.diff(slots, prepend=-1))
            self._bitmap[slots[firsts]] |= np.bitwise_or.reduceat(bits, firsts)

    def _places(self, hashes: Hashes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """The byte and the bit of each hash."""
        numbers = self._numbers(hashes)
        return numbers >> 3, _BIT[numbers & 7]

    def _numbers(self, hashes: Hashes) -> npt.NDArray[np.int64]:
        """The place of each hash in the bitmap: its highest bits."""
        return (hashes >> np.uint64(64 - self._bits)).astype(np.int64)


def _between(run: Hashes, first: int, size_bits: int, all_bits: int) -> Hashes:
    """The stretch of a run whose places are `first` and the next 2 ** size_bits ones."""
    edges = [first << (64 - all_bits), ((first + (1 << size_bits)) << (64 - all_bits)) - 1]
    low = np.searchsorted(run, np.uint64(edges[0]), side="left")
    return run[low : np.searchsorted(run, np.uint64(edges[1]), side="right")]


_BIT = np.left_shift(1, np.arange(8)).astype(np.uint8)
