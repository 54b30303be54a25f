"""The published folder: which generations there are, which one is in force, and what is left over.

Layout below `<home>/published/`:

    gridrates-000012/         one generation: gridrates.duckdb, a Parquet file a table, manifest.json
    gridrates-000012.duckdb   -> gridrates-000012/gridrates.duckdb
    current                   -> gridrates-000012, the one link that is switched
    current.duckdb            -> current/gridrates.duckdb
    manifest.json             -> current/manifest.json
    .empty-….duckdb           the tables, views and comments without rows, which every generation begins as

Guarantees that the database, the Parquet files and the manifest change hands together, in one rename, and
that nothing a generation consists of is changed after it has its name.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from gridrates.published_client import CURRENT, DATABASE, MANIFEST

_GENERATION = re.compile(r"gridrates-(\d{6,})(?:\.duckdb)?")
_BUILDING = ".building-"
_EMPTY = ".empty-"
_READ_ONLY = 0o444


class PublishedFolder:
    """The folder of one home. Everything here expects that the caller alone is publishing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def database(self) -> Path:
        """The database file in force; may not exist."""
        return self.path / CURRENT / DATABASE

    def generations(self) -> list[int]:
        """The generations on disk, in force or not, in ascending order."""
        found = (_GENERATION.fullmatch(entry.name) for entry in self.path.iterdir())
        return sorted({int(match[1]) for match in found if match})

    def current(self) -> int:
        """The generation in force, 0 when there is none."""
        link = self.path / CURRENT
        match = _GENERATION.fullmatch(link.readlink().name) if link.is_symlink() else None
        return int(match[1]) if match else 0

    def folder_of(self, generation: int) -> Path:
        """Where a generation lives."""
        return self.path / f"gridrates-{generation:06d}"

    @contextmanager
    def workplace(self) -> Iterator[Path]:
        """An empty folder to build a generation in; gone afterwards unless it was placed."""
        work = self.path / f"{_BUILDING}{uuid4().hex}"
        work.mkdir()
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def empty(self, shape: str) -> Path:
        """Where the database without rows of that shape is kept; may not exist."""
        return self.path / f"{_EMPTY}{shape}.duckdb"

    def keep_empty(self, made: Path) -> None:
        """Keep a finished database without rows, which has its name already, instead of any other."""
        _write_through(made)
        for old in self.path.glob(f"{_EMPTY}*"):
            old.unlink()
        made.rename(self.path / made.name)

    def place(self, work: Path, generation: int) -> Path:
        """Give a finished workplace its generation's name, and make that survive a power cut."""
        for file in work.iterdir():
            _write_through(file)
            file.chmod(_READ_ONLY)
        _write_through(work)
        folder = self.folder_of(generation)
        work.rename(folder)
        self._point(folder.with_name(f"{folder.name}.duckdb"), f"{folder.name}/{DATABASE}")
        return folder

    def switch(self, generation: int) -> None:
        """Put a placed generation in force: one rename."""
        self._point(self.path / f"{CURRENT}.duckdb", f"{CURRENT}/{DATABASE}")
        self._point(self.path / MANIFEST, f"{CURRENT}/{MANIFEST}")
        self._point(self.path / CURRENT, self.folder_of(generation).name)
        _write_through(self.path)

    def prune(self, *, keep: int, before: int) -> None:
        """Remove all but the `keep` newest generations, and those never in force since `before`.

        A reader that has an old generation open keeps it: only the name goes.
        """
        current = self.current()
        in_force = [g for g in self.generations() if g <= before or g == current]
        for generation in set(self.generations()) - set(in_force[-keep:]):
            self.folder_of(generation).with_suffix(".duckdb").unlink(missing_ok=True)
            shutil.rmtree(self.folder_of(generation), ignore_errors=True)

    def sweep(self) -> None:
        """Remove what dead publications left: no live one has anything here while we hold the lock."""
        for left in self.path.glob(f"{_BUILDING}*"):
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)

    def _point(self, link: Path, target: str) -> None:
        """Make `link` point to `target`; at no moment is it absent or half made."""
        if link.is_symlink() and link.readlink() == Path(target):
            return
        aside = self.path / f"{_BUILDING}{uuid4().hex}"
        aside.symlink_to(target)
        aside.replace(link)


def _write_through(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
