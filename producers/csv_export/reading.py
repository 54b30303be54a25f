"""Reads an export, row by row, as text: encoding, delimiter and header found, rows kept with their lines.

Reads a CSV file, plain or gzip. Guarantees that every row comes out, whole or as a broken one with the
reason; that memory does not grow with the file; and that a file which is no such export (missing, empty,
binary, cut, in another encoding, without the columns asked for) is an InputError saying what is wrong.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gridrates.errors import InputError
from producers.csv_export.rows import Chunk, RowReader, TextRows, has_bad_bytes
from producers.csv_export.workbook import ENCODING, SheetRows, is_workbook, open_workbook
from producers.mapping import nearest

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

# Where the header is looked for.
HEADER_ROWS = 20
# What is looked at before the first row is read.
HEAD_BYTES = 1024 * 1024
DELIMITERS = (",", ";", "\t", "|")
# What counts as blank at the ends of a cell: all that str.strip() takes, and two that cannot be seen.
BLANKS = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u200b\ufeff"
)
# Encodings that are told from each other, and from all others, by what is likely alone.
GUESSED = ("gb18030", "cp1252")
# What keeps a spreadsheet from taking a text for a number: ="00123".
GUARD = '^="(.*)"$'
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The older Chinese encodings are parts of the newer one, and files exceed what they declare.
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030"}
_MAGIC = (
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "a database"),
    (b"PAR1", "a Parquet file"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ", "compressed with xz"),
)
# What text begins with that is no table of text, in small letters.
_MARKUP = (
    ((b"<!doctype html", b"<html", b"<head", b"<meta", b"<table", b"<style"), "a web page (HTML)"),
    ((b"<?xml", b"<workbook"), "XML"),
    ((b"[{", b'{"', b"[\n", b"[\r\n", b"{\n", b"{\r\n"), "JSON"),
)
# Of two lines of cells, which are filled: both, the lower alone, the upper alone; and a header of two lines.
_SHAPES = {(True, True): "b", (False, True): "l", (True, False): "u", (False, False): "-"}
_TWO_LINES = re.compile("(?=.*u)(?=.*b)(u|bl+)+")
# No name of a column: a number or a time.
_FIGURES = re.compile(r"[-+0-9\s.,:/年月日时分秒]+")
_GZIP = b"\x1f\x8b"
ESCAPE = "gridrates-escape"


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Keep a byte that cannot be decoded as a lone surrogate; write such a one as \\xNN."""
    if isinstance(error, UnicodeDecodeError):
        return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end
    if isinstance(error, UnicodeEncodeError):
        bad = error.object[error.start : error.end]
        return "".join(f"\\x{ord(character) - 0xDC00:02x}" for character in bad), error.end
    raise error


codecs.register_error(ESCAPE, _escape)


@dataclass(frozen=True)
class Layout:
    """How an export is written: everything needed to read its rows.

    `above` counts the rows with text before the header, such as a title. Of a workbook, `sheet` is the sheet,
    `alike` are others with the same columns and rows of their own, and the encoding is `workbook`.
    """

    encoding: str
    delimiter: str
    names: tuple[str, ...]
    above: int = 0
    sheet: str | None = None
    alike: tuple[str, ...] = ()


class Export:
    """An open export; see `open_export`."""

    def __init__(self, layout: Layout, rows: TextRows | RowReader, position: Callable[[], int]) -> None:
        self.layout = layout
        self._rows = rows
        self._position = position

    @property
    def position(self) -> int:
        """Bytes of the file read so far."""
        return self._position()

    def chunks(self, size: int, positions: Sequence[int] | None = None) -> Iterator[Chunk]:
        """The rows, at most `size` at a time, of which the columns at `positions` can be asked for; without
        them, all. Raises InputError when the file breaks off.
        """
        if isinstance(self._rows, RowReader):
            return self._rows.chunks(size)
        return self._rows.chunks(size, range(len(self.layout.names)) if positions is None else positions)


@contextmanager
def open_export(
    path: Path,
    *,
    wanted: Sequence[str] = (),
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
) -> Iterator[Export]:
    """Open an export that has the columns `wanted`. Raises InputError when it is none."""
    layout = find_layout(path, wanted=wanted, encoding=encoding, delimiter=delimiter, sheet=sheet)
    if layout.sheet is not None:
        sheet_rows, size = SheetRows(open_workbook(path), layout.sheet), path.stat().st_size
        rows = RowReader(path, sheet_rows, len(layout.names))
        rows.skip(layout.above + 1)
        yield Export(
            layout, rows, lambda: size * min(sheet_rows.line_num, sheet_rows.total) // sheet_rows.total
        )
        return
    with path.open("rb") as raw, _plain(raw) as plain:
        text = io.TextIOWrapper(plain, encoding=layout.encoding, errors=ESCAPE, newline="")
        yield Export(
            layout, TextRows(path, text, layout.delimiter, len(layout.names), layout.above), raw.tell
        )


def find_layout(
    path: Path,
    *,
    wanted: Sequence[str] = (),
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
) -> Layout:
    """Look at the start of an export. Without a delimiter, the one that gives most of `wanted`, then most
    columns, is taken; of a workbook without `sheet`, the sheet. Raises InputError, also where several sheets
    have all of `wanted`.
    """
    head = read_head(path)
    if is_workbook(head):
        best = _best_sheet(path, wanted, sheet)
        if missing := [name for name in wanted if name not in best.names]:
            raise _lacks(path, missing, best, [])
        return best
    found = _encoding(path, head, encoding)
    best = _best(_decoded(path, head, found), found, wanted, delimiter)
    missing = [name for name in wanted if name not in best.names]
    if missing:
        others = [_best(head.decode(e, "replace"), e, wanted, delimiter) for e in candidate_encodings(head)]
        raise _lacks(path, missing, best, [o.encoding for o in others if set(wanted) <= set(o.names)])
    return best


def _best(text: str, encoding: str, wanted: Sequence[str], delimiter: str | None) -> Layout:
    return _likeliest(
        [
            _with_header(csv.reader(io.StringIO(text, newline=""), delimiter=d), encoding, d, wanted)
            for d in ([delimiter] if delimiter else DELIMITERS)
        ],
        wanted,
    )


def _best_sheet(path: Path, wanted: Sequence[str], sheet: str | None) -> Layout:
    with open_workbook(path) as workbook:
        names = workbook.sheet_names
        if sheet is not None and sheet not in names:
            raise InputError(
                f"{path} has no sheet {sheet!r}{nearest(sheet, names)}; it has {', '.join(names)}.",
                remedy="Name another one as `sheet` in the mapping, or leave it out.",
            )
        sheets = [_sheet(workbook, name, wanted) for name in ([sheet] if sheet is not None else names)]
    filled = [layout for layout, rows in sheets if rows > 0]
    best = _likeliest([*filled, *(layout for layout, _ in sheets)], wanted)
    if not best.names:
        raise InputError(f"{path} is empty.", remedy="Export it again: a header and a row a case are needed.")
    fitting = [layout.sheet or "" for layout in filled if wanted and set(wanted) <= set(layout.names)]
    if len(fitting) > 1:
        raise InputError(
            f"{path} has the columns that the mapping names in several sheets: {', '.join(fitting)}.",
            remedy="Name one, or a list of those to read, as `sheet` in the mapping.",
        )
    alike = (layout.sheet or "" for layout in filled if layout.names == best.names)
    return replace(best, alike=tuple(name for name in alike if name != best.sheet))


def sheets_with(path: Path, wanted: Sequence[str]) -> list[str]:
    """The sheets of a workbook that have all of the columns `wanted`, and rows; none of another file."""
    if not is_workbook(read_head(path)):
        return []
    with open_workbook(path) as workbook:
        layouts = [_sheet(workbook, name, wanted) for name in workbook.sheet_names]
    return [layout.sheet or "" for layout, rows in layouts if rows > 0 and set(wanted) <= set(layout.names)]


def _sheet(workbook: CalamineWorkbook, name: str, wanted: Sequence[str]) -> tuple[Layout, int]:
    """The layout of a sheet, and how many lines there are below its header at the most."""
    rows = SheetRows(workbook, name)
    layout = replace(_with_header(rows, ENCODING, "", wanted), sheet=name)
    return layout, rows.total - layout.above - 1


def _likeliest(layouts: Sequence[Layout], wanted: Sequence[str]) -> Layout:
    return max(layouts, key=lambda layout: (len(set(wanted) & set(layout.names)), len(layout.names)))


def _with_header(rows: Iterator[list[str]], encoding: str, delimiter: str, wanted: Sequence[str]) -> Layout:
    """Find the header among the first rows: the one with most of `wanted`, or the first that is nearly as
    full as any, so that a title above it is none.
    """
    first = list(islice((cells for cells in _readable(rows) if any(cells)), HEADER_ROWS))
    if not first:
        return Layout(encoding, delimiter, ())
    headers = [(above, cells, column_names(cells)) for above, cells in _headers(first)]
    known = [len(set(wanted) & set(names)) for _, _, names in headers]
    filled = [sum(bool(cell.strip(BLANKS)) for cell in cells) for _, cells, _ in headers]
    if any(known):
        place = known.index(max(known))
    else:
        place = next(place for place, count in enumerate(filled) if count * 2 > max(filled))
    above, _, names = headers[place]
    return Layout(encoding, delimiter, names, above)


def _headers(rows: Sequence[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """What may be a header, with the rows above its last line: two lines that are one first."""
    for place, cells in enumerate(rows):
        if below := rows[place + 1 : place + 2]:
            joined = _joined(cells, below[0])
            if joined is not None:
                yield place + 1, joined
        yield place, _without_blank_end(cells)


def _joined(upper: list[str], lower: list[str]) -> list[str] | None:
    """The names of two lines that are one header, as merged cells make it: a name is in the upper line with
    nothing below it, or names a group of two or more columns whose own names are in the lower one.
    """
    pairs = [(u.strip(BLANKS), v.strip(BLANKS)) for u, v in zip_longest(upper, lower, fillvalue="")]
    while pairs and not any(pairs[-1]):
        pairs.pop()
    shape = "".join(_SHAPES[bool(u), bool(v)] for u, v in pairs)
    if not _TWO_LINES.fullmatch(shape) or any(_FIGURES.fullmatch(v) for _, v in pairs):
        return None
    return [v or u for u, v in pairs]


def _readable(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows before the first with a quote that is never closed: that one is told of when it is read."""
    with suppress(csv.Error):
        yield from rows


def _without_blank_end(cells: list[str]) -> list[str]:
    """Sheets and careless exports have empty columns to their right."""
    while len(cells) > 1 and not cells[-1].strip(BLANKS):
        cells = cells[:-1]
    return cells


def read_head(path: Path) -> bytes:
    """The first bytes of a file, uncompressed. Raises InputError when there are none to read."""
    try:
        with path.open("rb") as raw, _plain(raw) as plain:
            head = plain.read(HEAD_BYTES)
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}.", remedy="Check the path.") from error
    except EOFError as error:
        raise InputError(f"{path} is cut off: {error}.", remedy="Fetch the file again.") from error
    except (OSError, zlib.error) as error:
        raise InputError(
            f"{path} cannot be read: {error}.", remedy="It must be a CSV file, plain or gzip, or a workbook."
        ) from error
    if not head.strip():
        raise InputError(f"{path} is empty.", remedy="Export it again: a header and a row a case are needed.")
    return head


def seems_utf8(path: Path, encoding: str | None) -> bool:
    """Whether a file to be read in another encoding is UTF-8 by all its first bytes, some beyond ASCII."""
    head = read_head(path)
    is_other = encoding is not None and not encoding.lower().replace("_", "-").startswith(("utf", "ascii"))
    return is_other and not is_workbook(head) and not head.isascii() and _first_fault(head, "utf-8") is None


def candidate_encodings(head: bytes) -> list[str]:
    """The encodings that `head` can be read in without a fault, likeliest first.

    Chinese characters come as pairs of high bytes, accented letters alone. UTF-16 without its mark has a zero
    in every other byte wherever there are digits and commas.
    """
    zeros = [head[place::2].count(0) * 5 > len(head[place::2]) for place in (0, 1)]
    if zeros.count(True) == 1:
        return ["utf-16-be" if zeros[0] else "utf-16-le"]
    runs = re.findall(rb"[\x80-\xff]+", head)
    alone = sum(len(run) % 2 for run in runs)
    names = ("utf-8", *(reversed(GUESSED) if alone * 2 > len(runs) else GUESSED))
    return [name for name in names if _first_fault(head, name) is None]


def column_names(cells: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns: trimmed; `name#2` when one is there again, `#5` for the nameless fifth."""
    seen: Counter[str] = Counter()
    names: list[str] = []
    for position, cell in enumerate(cells, 1):
        name = cell.strip(BLANKS) or f"#{position}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return tuple(names)


def _plain(raw: BinaryIO) -> BinaryIO:
    """The file's content, uncompressed when it is gzip, whatever its name."""
    start = raw.read(len(_GZIP))
    raw.seek(0)
    if start == _GZIP:
        return io.BufferedReader(gzip.GzipFile(fileobj=raw), 256 * 1024)
    return raw


def _encoding(path: Path, head: bytes, asked: str | None) -> str:
    kind = next((what for magic, what in _MAGIC if head.startswith(magic)), None) or _markup(head)
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    name = marked or (asked or "utf-8").lower().replace("_", "-")
    try:
        b"x".decode(name, "replace")
    except LookupError as error:
        raise InputError(
            f"There is no text encoding {asked!r}.", remedy="Name one such as utf-8, gb18030 or cp1252."
        ) from error
    if kind is None and not name.startswith(("utf-16", "utf-32")) and _looks_binary(head):
        kind = "binary (or UTF-16 without its mark: then name that in the mapping, as `encoding: utf-16-le`)"
    if kind is not None:
        raise InputError(
            f"{path} is {kind}, neither CSV nor a workbook, whatever its name.",
            remedy="Save it as .xlsx or CSV UTF-8, in a spreadsheet program if one opens it; gzip is the one "
            "compression read.",
        )
    return _WIDER.get(name, name)


def _markup(head: bytes) -> str | None:
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:20].lower()
    return next((what for starts, what in _MARKUP if start.startswith(starts)), None)


def _looks_binary(head: bytes) -> bool:
    return b"\0" in head.split(b"\n", 1)[0] or head.count(0) * 100 > len(head)


def _first_fault(head: bytes, encoding: str) -> UnicodeDecodeError | None:
    try:
        codecs.getincrementaldecoder(encoding)().decode(head, len(head) < HEAD_BYTES)
    except UnicodeDecodeError as error:
        return error
    return None


def _decoded(path: Path, head: bytes, encoding: str) -> str:
    """The head as text. A few bad bytes among good ones are left to the rows that hold them."""
    text = codecs.getincrementaldecoder(encoding)(ESCAPE).decode(head, len(head) < HEAD_BYTES)
    fault = _first_fault(head, encoding)
    if fault is None:
        return text
    bad = sum(has_bad_bytes(character) for character in text)
    if bad < sum(not character.isascii() for character in text) - bad:
        return text
    mark = len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0
    others = [name for name in candidate_encodings(head) if name != encoding]
    hint = f" It can be read as {' or '.join(others)}." if others else ""
    raise InputError(
        f"{path} is not {encoding}: the bytes {fault.object[fault.start : fault.end].hex(' ')} at position "
        f"{fault.start + mark:,} mean nothing in it.{hint}",
        remedy="Name the encoding in the mapping, such as `encoding: gb18030`.",
    )


def _lacks(path: Path, missing: Sequence[str], layout: Layout, encodings: Sequence[str]) -> InputError:
    hints = "; ".join(f"{name!r}{nearest(name, layout.names)}" for name in missing)
    message = f"The header of {path} lacks what the mapping names: {hints}. It has {', '.join(layout.names)}."
    if encodings:
        remedy = f"Read as {encodings[0]} it has them all: name that as `encoding` in the mapping."
    else:
        remedy = "Mend the mapping, or choose the profile that the file belongs to."
    return InputError(message, remedy=remedy)
