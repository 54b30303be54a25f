"""Masks personal data in a batch before anything else looks at it: nothing after this step ever sees it.

Reads the batch's bytes; writes nothing. What is landed, refused, compared, hashed and mirrored is the masked
payload. The hash of a payload is thus no hash of personal data either, which could be found by trying. The
same look notes which payloads are plain (`warehouse.plain`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from contracts import personal_data
from contracts.personal_data import mask_payload
from warehouse import plain
from warehouse.batch import Batch
from warehouse.chunks import Chunk, Integers

if TYPE_CHECKING:
    import pyarrow as pa

_LOOK = f"{personal_data.BYTES_SCREEN}|{plain.STOPS}"


def masked(batch: Batch) -> Batch:
    """The batch with the payloads masked that hold personal data, and how often each kind was found; and with
    the rows noted that are plain.
    """
    counts: Counter[str] = Counter()
    looks = [_look(chunk) for chunk in batch.chunks]
    suspects = _joined(batch, [look.suspects for look in looks])
    values = dict(_masked(batch, suspects.tolist(), counts))
    plain_rows = _joined(batch, [look.plain for look in looks])
    return replace(batch, masked=values, mask_counts=counts, plain_rows=plain_rows)


def _masked(batch: Batch, rows: Iterable[int], counts: Counter[str]) -> Iterator[tuple[int, bytes]]:
    """Those of some rows that are other ones when they are masked."""
    for row in rows:
        payload = batch.value(row) or b""
        new = mask_payload(payload, counts)
        if new != payload:
            yield row, new


class _Look(NamedTuple):
    """Of a chunk, the records that may hold personal data and those that are plain. None is both."""

    suspects: Integers
    plain: Integers


def _look(chunk: Chunk) -> _Look:
    """Look at the values of a chunk where they are; more than once at those that the first look stops at."""
    import pyarrow as pa

    rows = np.flatnonzero(chunk.value_sizes > 0)
    if not len(rows):
        return _Look(rows, rows)
    starts, sizes = chunk.value_starts[rows], chunk.value_sizes[rows]
    last_bytes = np.frombuffer(chunk.buffer, dtype=np.uint8)[starts + sizes - 1]
    is_plain = (last_bytes == plain.LAST_BYTE) & (sizes <= plain.LONGEST)
    texts = _texts(chunk.buffer, starts, starts + sizes)
    stopped = _found(_matches(texts, _LOOK)[::2])
    again = texts.take(pa.array(2 * stopped))
    suspects = stopped[personal_data.suspects(again)]
    is_plain[stopped[_found(_matches(again, plain.STOPS))]] = False
    is_plain[suspects] = False
    return _Look(rows[suspects], rows[is_plain])


def _texts(buffer: Any, starts: Integers, ends: Integers) -> pa.Array:
    """The texts in a buffer, and what lies between them: Arrow wants texts that follow each other."""
    import pyarrow as pa

    offsets = pa.py_buffer(np.column_stack([starts, ends]).astype(np.int64).ravel())
    return pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), 2 * len(starts) - 1, [None, offsets, pa.py_buffer(buffer)]
    )


def _matches(texts: pa.Array, pattern: str) -> pa.Array:
    import pyarrow.compute as pc

    return pc.match_substring_regex(texts, pattern)


def _found(answers: pa.Array) -> Integers:
    return np.flatnonzero(answers.to_numpy(zero_copy_only=False))


def _joined(batch: Batch, found: Iterable[Integers]) -> Integers:
    """Places in each chunk as rows of the batch."""
    firsts = np.cumsum([0, *map(len, batch.chunks)])
    return np.concatenate([np.empty(0, dtype=np.int64), *map(np.add, firsts, found)])
