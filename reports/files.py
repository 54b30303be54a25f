"""Where reports lie and what their files are called: `<folder>/<scope>/<node>[+<kind of work>].<format>`.

Codes may hold any printable character, so names are quoted as in addresses. Guarantees that a file is either
the one before or the next, never half of one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote

from gridrates.errors import InputError
from gridrates.published_rates import ALL_WORK
from reports.scope import Scope, parse

Format = Literal["html", "xlsx", "md"]
FORMATS: tuple[Format, ...] = ("html", "xlsx", "md")
INDEX = "index.html"


@dataclass(frozen=True)
class Place:
    """What a report is of, and the formats it has been written in."""

    scope: Scope
    code: str
    work_type: str = ALL_WORK
    formats: tuple[Format, ...] = ()

    @property
    def stem(self) -> str:
        """Its files' name without the format."""
        parts = (self.code, self.work_type)
        # A point means something at a name's beginning and end, so that it is quoted too.
        return "+".join(quote(part, safe="").replace(".", "%2E") for part in parts if part != ALL_WORK)

    def path(self, folder: Path, format_: Format) -> Path:
        """Where it is below a folder of reports."""
        return folder / self.scope.key / f"{self.stem}.{format_}"

    def address(self, format_: Format) -> str:
        """Its address from the list of reports: what is quoted on disk is quoted once more in a link."""
        return f"{self.scope.key}/{quote(self.stem)}.{format_}"


def places(folder: Path) -> Iterator[Place]:
    """The reports below a folder; files and folders of other names are passed over."""
    for each in folder.iterdir():
        try:
            scope = parse(each.name)
        except InputError:
            continue
        yield from _places_of(scope, each)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write instead of `path`; it takes its place when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _places_of(scope: Scope, folder: Path) -> Iterator[Place]:
    found: dict[str, set[str]] = {}
    for file in folder.iterdir():
        if not file.name.startswith("."):
            found.setdefault(file.stem, set()).add(file.suffix[1:])
    for stem, suffixes in found.items():
        code, _, work_type = stem.partition("+")
        formats = tuple(each for each in FORMATS if each in suffixes)
        if formats:
            yield Place(scope, unquote(code), unquote(work_type) or ALL_WORK, formats)
