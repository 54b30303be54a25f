"""Files of the local stack: written whole or not at all, by one command at a time.

Guarantees that a full disk or a directory that cannot be written is a ResourceError which names the path.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gridrates.errors import ResourceError, ServiceUnavailable

FULL = (errno.ENOSPC, errno.EDQUOT)
STORAGE_ERRORS = (*FULL, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR)


def storage_error(path: Path, error: OSError) -> ResourceError:
    """What to say when `path` cannot be written."""
    if error.errno in FULL:
        return ResourceError(
            f"The disk is full: {path} could not be written.", remedy="Make room, then try again."
        )
    return ResourceError(
        f"{path} cannot be written ({error.strerror or error}).",
        remedy="Check its owner and permissions, or choose another place with --home or GRIDRATES_HOME.",
    )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError of the body into a ResourceError about `path`."""
    try:
        yield
    except OSError as error:
        raise storage_error(Path(error.filename or path), error) from error


def make_directory(path: Path) -> Path:
    """Create a directory and its parents. Raises ResourceError."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def write_text(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace a file in one step, with the permissions given from its first byte. Raises ResourceError."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with writing(path):
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)


def write_json(path: Path, content: Mapping[str, Any], *, mode: int = 0o644) -> None:
    """Replace a JSON file in one step. Raises ResourceError."""
    write_text(path, json.dumps(content, indent=2) + "\n", mode=mode)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object, or an empty one when the file is missing or not whole."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log; indented ones (stack frames, listings) are left out."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip() and not line.startswith("\t")][-lines:]


@contextmanager
def locked(path: Path, *, timeout_seconds: float) -> Iterator[None]:
    """Hold an exclusive lock, which the kernel drops with the process.

    Raises ServiceUnavailable when another process still holds it after `timeout_seconds`.
    """
    make_directory(path.parent)
    with writing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(descriptor, path, timeout_seconds)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, timeout_seconds: float) -> None:
    until = time.monotonic() + timeout_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise ServiceUnavailable(
                    f"Another command has been starting or stopping this service for {timeout_seconds:.0f} s "
                    f"(it holds {path}).",
                    remedy="Wait for it, or end it, and try again.",
                ) from None
            time.sleep(0.1)
        else:
            return


@contextmanager
def scratch_directory(parent: Path) -> Iterator[Path]:
    """A temporary directory on the same disk as `parent`, removed at the end. Raises ResourceError."""
    make_directory(parent)
    with writing(parent):
        folder = tempfile.TemporaryDirectory(dir=parent, prefix=".incoming-")
    with folder as name:
        yield Path(name)
