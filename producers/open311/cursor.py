"""How far a server was read: kept from poll to poll in a file of JSON.

Reads and writes one file a server, jurisdiction, source and topic, below `<home>/open311/`; it is written
aside and renamed, so that a reader finds the old one or the new one. A lock keeps two polls of one server
apart.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from gridrates.errors import InputError, ResourceError

_VERSION = 1


@dataclass(frozen=True)
class Cursor:
    """What was read: requests made from `since` to `read_until`; `open` are those not closed yet, by their
    id, with the moment they were made.
    """

    since: datetime
    read_until: datetime
    open: dict[str, datetime] = field(default_factory=dict)


def name_of(*parts: str) -> str:
    """A file name for a server: readable, and other for other `parts`."""
    readable = re.sub(r"[^0-9A-Za-z]+", "-", parts[0].partition("://")[2])[:60].strip("-")
    return f"{readable}-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:12]}"


def load(path: Path) -> Cursor | None:
    """The cursor kept, if there is one. Raises InputError when the file is not ours."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["version"] != _VERSION:
            raise ValueError(f"version {kept['version']}")
        opened = {name: datetime.fromisoformat(at) for name, at in kept["open"].items()}
        since, until = (datetime.fromisoformat(kept[name]) for name in ("since", "read_until"))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} cannot be read as the cursor of a poll: {error}.",
            remedy="Remove it: the next poll begins anew, and what was sent is known by its ids.",
        ) from error
    return Cursor(since, until, opened)


def save(path: Path, cursor: Cursor) -> None:
    """Keep the cursor. Raises ResourceError when it cannot be written."""
    kept: dict[str, Any] = {
        "version": _VERSION,
        "since": cursor.since.isoformat(),
        "read_until": cursor.read_until.isoformat(),
        "open": {name: at.isoformat() for name, at in cursor.open.items()},
    }
    aside = path.with_suffix(".new")
    try:
        aside.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        raise ResourceError(f"{path} cannot be written: {error.strerror}.", remedy="Make room.") from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other polls of this server away. Raises ResourceError while there is one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.with_suffix(".lock").open("w")
    except OSError as error:
        raise ResourceError(
            f"{path.parent} cannot be written: {error.strerror}.", remedy="Mend that."
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ResourceError(
                "Another poll of this server is under way.", remedy="Wait until it has ended."
            ) from error
        yield
