"""Masks personal data in a batch before anything else looks at it: nothing after this step ever sees it.

Reads the batch's bytes; writes nothing. What is landed, refused, compared, hashed and mirrored is the masked
payload. The hash of a payload is thus no hash of personal data either, which could be found by trying. The
same look notes which payloads are plain (`warehouse.plain`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from contracts.personal_data import mask_payloads, screen
from warehouse import plain
from warehouse.batch import Batch
from warehouse.chunks import Chunk, Integers

if TYPE_CHECKING:
    import pyarrow as pa

# So many payloads are copied at a time: it bounds the memory that a flood of suspects needs.
_MASKED_AT_ONCE = 10_000


def masked(batch: Batch) -> Batch:
    """The batch with the payloads masked that hold personal data, and how often each kind was found; and with
    the rows noted that are plain.
    """
    counts: Counter[str] = Counter()
    values: dict[int, bytes] = {}
    looks = [_look(chunk) for chunk in batch.chunks]
    rows = _joined(batch, [look.suspects for look in looks]).tolist()
    for at in range(0, len(rows), _MASKED_AT_ONCE):
        some = rows[at : at + _MASKED_AT_ONCE]
        payloads = [batch.value(row) or b"" for row in some]
        values |= {some[place]: new for place, new in mask_payloads(payloads, counts).items()}
    plain_rows = _joined(batch, [look.plain for look in looks])
    return replace(batch, masked=values, mask_counts=counts, plain_rows=plain_rows)


class _Look(NamedTuple):
    """Of a chunk, the records that may hold personal data and those that are plain. None is both."""

    suspects: Integers
    plain: Integers


def _look(chunk: Chunk) -> _Look:
    """Look at the values of a chunk where they are.

    Arrow wants texts that follow each other, so each is looked at up to where the next one starts: with the
    headers of its record and the key of the next one.
    """
    import pyarrow as pa

    with_value = np.flatnonzero(chunk.value_sizes > 0)
    if not len(with_value):
        return _Look(with_value, with_value)
    starts, sizes = chunk.value_starts[with_value], chunk.value_sizes[with_value]
    offsets = pa.py_buffer(np.append(starts, starts[-1] + sizes[-1]).astype(np.int64))
    texts = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(starts), [None, offsets, pa.py_buffer(chunk.buffer)]
    )
    last_bytes = np.frombuffer(chunk.buffer, dtype=np.uint8)[starts + sizes - 1]
    stopped = _found(plain.stops(texts))
    suspects = stopped[_found(screen(texts.take(pa.array(stopped))))]
    is_plain = (last_bytes == plain.LAST_BYTE) & (sizes <= plain.LONGEST)
    is_plain[stopped] = False
    return _Look(with_value[suspects], with_value[is_plain])


def _found(answers: pa.Array) -> Integers:
    return np.flatnonzero(answers.to_numpy(zero_copy_only=False))


def _joined(batch: Batch, found: Iterable[Integers]) -> Integers:
    """Places in each chunk as rows of the batch."""
    firsts = np.cumsum([0, *map(len, batch.chunks)])
    return np.concatenate([np.empty(0, dtype=np.int64), *map(np.add, firsts, found)])
