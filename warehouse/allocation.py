"""Keeps what batches took from piling up in the process after they are gone."""

from __future__ import annotations

import ctypes

# A parameter of glibc's `mallopt`.
_M_MMAP_THRESHOLD = -3
_LARGE = 1024 * 1024


def give_back_large_blocks() -> None:
    """From now on, blocks of a megabyte or more go back to the system as soon as they are freed.

    glibc's own threshold rises with every such block that is freed, so that in a process of several threads
    the blocks of later batches end up between small ones and stay: over four million events a third of the
    memory of a landing. Does nothing where the C library has no `mallopt`.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
