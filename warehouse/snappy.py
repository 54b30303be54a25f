"""Snappy as Kafka's producers write it, by the codec that Arrow brings along.

Raw blocks, or the framing of the Java library "xerial": a header of 16 bytes, then blocks with their sizes.
"""

from __future__ import annotations

import struct
from typing import Any

_XERIAL = b"\x82SNAPPY\x00"
_HEADER_SIZE = 16
_SIZE = struct.Struct(">i")


def decompress(content: Any) -> bytes:
    """The bytes that were compressed. Raises ValueError or OSError when `content` is no snappy."""
    content = memoryview(content)
    if bytes(content[: len(_XERIAL)]) != _XERIAL:
        return _block(content)
    blocks, at = [], _HEADER_SIZE
    while at < len(content):
        (size,) = _SIZE.unpack_from(content, at)
        at += _SIZE.size
        if not 0 < size <= len(content) - at:
            raise ValueError(f"a snappy block of {size} bytes cannot be")
        blocks.append(_block(content[at : at + size]))
        at += size
    return b"".join(blocks)


def _block(content: memoryview) -> bytes:
    import pyarrow as pa

    size = shift = 0
    for byte in content[:5]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return pa.Codec("snappy").decompress(content, size, asbytes=True)  # type: ignore[no-any-return]
    raise ValueError("the size of a snappy block cannot be read")
