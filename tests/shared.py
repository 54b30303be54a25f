"""Folders that take long to make: made once a run of the tests, by whichever process asks first."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

# Set by the first process of a run, which takes the folder away at its end; the others inherit it.
_VARIABLE = "TESTS_SHARED_FOLDER"


def begin() -> None:
    """Make the place for this run, unless a process above has made it."""
    if _VARIABLE not in os.environ:
        os.environ[_VARIABLE] = tempfile.mkdtemp(prefix="gridrates-tests-")
        atexit.register(shutil.rmtree, os.environ[_VARIABLE], ignore_errors=True)


def shared(name: str, make: Callable[[Path], None]) -> Path:
    """The folder that `make` filled. Read it or copy it; others of the run do too."""
    folder = Path(os.environ[_VARIABLE], name)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / ".done"
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a process that died over it
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
