"""One writer at a time: an operating system lock that says who holds it.

Reads and writes `<home>/warehouse/live.lock`. The lock belongs to the process and dies with it, so a
killed writer leaves nothing to clean up; what the file says about the holder only explains.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from gridrates.errors import WarehouseError

_PAUSE_SECONDS = 0.05


@contextmanager
def writer_lock(path: Path, *, command: str, timeout_seconds: float) -> Iterator[IO[str]]:
    """Hold the lock for the block; wait up to `timeout_seconds` for another holder to finish.

    Raises WarehouseError naming the holder's process, host, start and command.
    """
    # Neither truncated nor replaced on opening: it may be another's, and it must stay one inode.
    with path.open("a+", encoding="utf-8") as file:
        _acquire(file, timeout_seconds)
        _sign(file, command)
        try:
            yield file
        finally:
            file.truncate(0)
            # Said aloud, so that a forked child that still has the file open does not keep the lock.
            fcntl.flock(file, fcntl.LOCK_UN)


def holder_of(path: Path) -> str:
    """Who wrote the lock file last, in words."""
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return (
            f"process {holder['pid']} on {holder['host']}, since {holder['since']}, "
            f"running `{holder['command']}`"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that has not said who it is"


def _acquire(file: IO[str], timeout_seconds: float) -> None:
    give_up = time.monotonic() + timeout_seconds
    while not _try(file):
        if time.monotonic() >= give_up:
            raise WarehouseError(
                f"The warehouse is being written by {holder_of(Path(file.name))}.",
                remedy="Wait until it has finished, or let this command wait for it with "
                "GRIDRATES_LOCK_TIMEOUT_SECONDS.",
            )
        time.sleep(_PAUSE_SECONDS)


def _try(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(file: IO[str], command: str) -> None:
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
    }
    file.truncate(0)
    file.write(json.dumps(holder))
    file.flush()
