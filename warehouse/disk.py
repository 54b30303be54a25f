"""Room on the disk of the live file: looked at before it is needed.

A transaction that finds the disk full is rolled back, and a checkpoint that does may leave a file that has
grown for nothing. So landing asks first, and stops while there is still room for everything else.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from gridrates.errors import ResourceError

_MEGABYTE = 1024 * 1024


def require_room(path: Path, *, wanted_bytes: int, keep_free_mb: int) -> None:
    """Raise ResourceError when writing so many bytes to the folder `path` would leave less than is to be
    kept free.
    """
    if room(path, keep_free_mb=keep_free_mb) >= wanted_bytes:
        return
    free = shutil.disk_usage(path).free
    raise ResourceError(
        f"The disk of {path} has {free // _MEGABYTE:,} MB left, of which {keep_free_mb:,} MB are kept free: "
        f"landing stopped before the file was at risk. What was landed stays; the rest waits on the topic.",
        remedy="Make room: the next landing goes on by itself. GRIDRATES_KEEP_FREE_MB says how much is kept.",
    )


def room(path: Path, *, keep_free_mb: int) -> int:
    """How many bytes may be written to the folder `path`; less than none when too few are free already."""
    return shutil.disk_usage(path).free - keep_free_mb * _MEGABYTE


def clear_spill(folder: Path) -> None:
    """Remove what a process that was killed has left in the spill directory. The caller holds the lock."""
    for left in folder.iterdir():
        if left.is_file():
            left.unlink(missing_ok=True)
