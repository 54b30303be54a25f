"""Reads a workbook (.xlsx, .xls, .ods) as rows of text, like an export in CSV.

Guarantees a text for every cell: text as it stands, whole numbers without a decimal point, those too large to
be whole as `3.30106200000000E+17`, dates as `2024-05-01 08:05:00`, truth values as `true` and `false`; of a
formula the value that was saved with it. A sheet is held in memory as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile

from gridrates.errors import InputError

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

ENCODING = "workbook"
_MAGIC = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
# From here on a workbook's number does not hold its last digits.
BEYOND_WHOLE = 2**53
_HALF_SECOND = timedelta(milliseconds=500)


def is_workbook(head: bytes) -> bool:
    """Whether a file that begins so is a workbook, or an archive that could be one."""
    return head.startswith(_MAGIC)


def open_workbook(path: Path) -> CalamineWorkbook:
    """Open a workbook. Raises InputError when it is none, or locked by a password."""
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        return CalamineWorkbook.from_path(path)
    except PasswordError as error:
        raise InputError(
            f"{path} is locked by a password.", remedy="Save it without one, or as CSV UTF-8."
        ) from error
    except (CalamineError, OSError) as error:
        if packed := _packed(path):
            raise InputError(
                f"{path} is a ZIP archive of {', '.join(packed)}.",
                remedy="Unpack it; gzip needs no unpacking.",
            ) from error
        raise InputError(
            f"{path} begins like a workbook and is none: {error}.",
            remedy="Save it as .xlsx or as CSV UTF-8; gzip is the one compression read.",
        ) from error


def _packed(path: Path) -> list[str]:
    """The first names in an archive; none where it is no archive."""
    try:
        with ZipFile(path) as archive:
            return archive.namelist()[:3]
    except (BadZipFile, OSError):
        return []


class SheetRows:
    """The rows of a sheet, from its first line on; `line_num` is the line of the last row given."""

    def __init__(self, workbook: CalamineWorkbook, name: str) -> None:
        sheet = workbook.get_sheet_by_name(name)
        self.total = max(sheet.total_height, 1)
        self.line_num = sheet.start[0] if sheet.start else 0
        self._rows = sheet.iter_rows()

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        row = next(self._rows)
        self.line_num += 1
        return [as_text(cell) for cell in row]


def as_text(cell: object) -> str:
    """A cell as text."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        if abs(cell) >= BEYOND_WHOLE:
            return f"{cell:.14E}"
        return f"{cell:.0f}" if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        # Days are kept as binary fractions: a second is what can be told.
        return (cell + _HALF_SECOND).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)
