"""Masks personal data in a batch before anything else looks at it: nothing after this step ever sees it.

Reads the batch's bytes; writes nothing. What is landed, refused, compared, hashed and mirrored is the masked
payload. The hash of a payload is thus no hash of personal data either, which could be found by trying.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from contracts.personal_data import mask_payloads, screen
from warehouse.batch import Batch
from warehouse.chunks import Chunk, Integers

# So many payloads are copied at a time: it bounds the memory that a flood of suspects needs.
_MASKED_AT_ONCE = 10_000


def masked(batch: Batch) -> Batch:
    """The batch with the payloads masked that hold personal data, and how often each kind was found."""
    counts: Counter[str] = Counter()
    values: dict[int, bytes] = {}
    rows = list(_suspects(batch))
    for at in range(0, len(rows), _MASKED_AT_ONCE):
        some = rows[at : at + _MASKED_AT_ONCE]
        payloads = [batch.value(row) or b"" for row in some]
        values |= {some[place]: new for place, new in mask_payloads(payloads, counts).items()}
    return replace(batch, masked=values, mask_counts=counts) if values else batch


def _suspects(batch: Batch) -> Iterator[int]:
    first = 0
    for chunk in batch.chunks:
        yield from (first + _suspects_of(chunk)).tolist()
        first += len(chunk)


def _suspects_of(chunk: Chunk) -> Integers:
    """Records of a chunk that may hold personal data, looked at where they are.

    Arrow wants texts that follow each other, so each is looked at up to where the next one starts: with the
    headers of its record and the key of the next one.
    """
    import pyarrow as pa

    with_value = np.flatnonzero(chunk.value_sizes > 0)
    if not len(with_value):
        return with_value
    starts = chunk.value_starts[with_value]
    end = starts[-1] + chunk.value_sizes[with_value[-1]]
    offsets = pa.py_buffer(np.append(starts, end).astype(np.int64))
    texts = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(starts), [None, offsets, pa.py_buffer(chunk.buffer)]
    )
    return with_value[np.flatnonzero(screen(texts).to_numpy(zero_copy_only=False))]
