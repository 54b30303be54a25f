"""The rejects file of an export: the rows that gave no event, why, and their cells as they were.

Writes one CSV file (UTF-8 with its mark, so that spreadsheets read it) when the first row is rejected; a
file left by an earlier import of the same export goes. Its cells can be mended and imported again.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from gridrates.errors import ResourceError
from producers.csv_export.reading import ESCAPE

if TYPE_CHECKING:
    from _csv import Writer

# Named so that no export has them: the file itself can be mended and imported.
COLUMNS = ("rejected_row", "rejected_line", "rejected_column", "rejected_reason")


@dataclass(frozen=True)
class Reject:
    """A row that gave no event: `row` counts from 1 after the header, `line` is where it starts.

    `kind` is the reason without what the cells held, to count by; `column` names the columns at fault.
    """

    row: int
    line: int
    column: str
    kind: str
    reason: str
    cells: Sequence[str]


class RejectsFile:
    """Writes rejects to `path`; a context manager. With no path, it writes nothing."""

    def __init__(self, path: Path | None, names: Sequence[str]) -> None:
        self.path = path
        self._names = names
        self._file: TextIO | None = None
        self._writer: Writer | None = None

    def __enter__(self) -> RejectsFile:
        if self.path is not None:
            try:
                self.path.unlink(missing_ok=True)
            except OSError as error:
                raise _unwritable(self.path, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def written(self) -> Path | None:
        """The file, once there is one."""
        return self.path if self._file is not None else None

    def add(self, reject: Reject) -> None:
        """Write one reject. Raises ResourceError when the file cannot be written."""
        if self.path is None:
            return
        if self._writer is None:
            self._writer = self._open(self.path)
        self._writer.writerow([reject.row, reject.line, reject.column, reject.reason, *reject.cells])

    def _open(self, path: Path) -> Writer:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8-sig", errors=ESCAPE, newline="")
        except OSError as error:
            raise _unwritable(path, error) from error
        writer = csv.writer(self._file)
        writer.writerow([*COLUMNS, *self._names])
        return writer


def _unwritable(path: Path, error: OSError) -> ResourceError:
    return ResourceError(
        f"The rejects file {path} cannot be written: {error.strerror}.",
        remedy="Name another folder with --rejects.",
    )
