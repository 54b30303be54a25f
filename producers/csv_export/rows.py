"""The rows of an export, some thousands at a time.

Reads an open text file, or the rows of a workbook. Text is taken apart by Arrow, a block at once, where that
gives the rows that Python's `csv` would give; a block that holds anything else (a row of another width, bytes
that the encoding does not know, a quote that spans its end or is missing) is read by `csv`, row by row.
Guarantees the same rows either way, each once and in order, numbered and with the line it starts on; that a
quote which is not closed costs no row but its own; and that memory does not grow with the file.
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from gridrates.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

# A cell larger than this is an unclosed quote.
LARGEST_CELL = 16 * 1024 * 1024
# Characters that are taken apart at once, and read at once: what is lost when a file breaks off.
BLOCK = 4 * 1024 * 1024
PIECE = 64 * 1024
QUOTE = '"'
# So many lines are added to a block whose quotes do not come in pairs.
MORE_LINES = 1000
# A row of these is put behind a block: they come out again unless the block ends within quotes.
LAST_CELL = "end"

# For the whole process, and the only place that sets it.
csv.field_size_limit(LARGEST_CELL)


def has_bad_bytes(text: str) -> bool:
    """Whether a cell holds bytes that its file's encoding does not know."""
    return any("\udc00" <= character <= "\udcff" for character in text)


@dataclass(frozen=True)
class Broken:
    """A row that is not one cell a column; `kind` is the reason without its figures."""

    number: int
    line: int
    kind: str
    reason: str
    cells: list[str]


class Chunk(Protocol):
    """Some rows in a row. `numbers` count rows from 1 after the header, `lines` are those of the file."""

    @property
    def numbers(self) -> Sequence[int]:
        """The numbers of the whole rows."""

    @property
    def lines(self) -> Sequence[int]:
        """The lines that the whole rows start on."""

    @property
    def rows(self) -> Sequence[list[str]]:
        """The cells of the whole rows."""

    @property
    def broken(self) -> Sequence[Broken]:
        """The rows that are not whole."""

    @property
    def count(self) -> int:
        """All its rows, whole and broken."""

    def columns(self, positions: Sequence[int]) -> tuple[list[pa.Array], dict[int, int]]:
        """The cells at some positions of the whole rows; and the rows with bad bytes there, by their place,
        with the position: their cells are blank.
        """


@dataclass
class ReadRows:
    """Rows that were read one by one."""

    numbers: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)

    @property
    def count(self) -> int:
        """See `Chunk`."""
        return len(self.rows) + len(self.broken)

    def columns(self, positions: Sequence[int]) -> tuple[list[pa.Array], dict[int, int]]:
        """See `Chunk`."""
        cells = [[row[position] for row in self.rows] for position in positions]
        try:
            return _arrays(cells), {}
        except UnicodeEncodeError:
            bad = {
                place: position
                for position, column in zip(positions, cells, strict=True)
                for place, cell in enumerate(column)
                if has_bad_bytes(cell)
            }
            clean = [["" if place in bad else cell for place, cell in enumerate(column)] for column in cells]
            return _arrays(clean), bad


def _arrays(cells: Sequence[Sequence[str]]) -> list[pa.Array]:
    import pyarrow as pa

    return [pa.array(column, pa.string()) for column in cells]


class ParsedRows:
    """Rows of a block that Arrow took apart: `first` up to, not including, `last`."""

    broken: Sequence[Broken] = ()

    def __init__(self, block: _Block, first: int, last: int) -> None:
        self._block = block
        self._part = slice(first, last)
        self.numbers = range(block.number + first, block.number + last)

    @property
    def count(self) -> int:
        """See `Chunk`."""
        return len(self.numbers)

    @property
    def lines(self) -> Sequence[int]:
        """See `Chunk`."""
        return self._block.read.lines[self._part]

    @property
    def rows(self) -> Sequence[list[str]]:
        """See `Chunk`."""
        return self._block.read.rows[self._part]

    def columns(self, positions: Sequence[int]) -> tuple[list[pa.Array], dict[int, int]]:
        """See `Chunk`."""
        first, count = self._part.start, self._part.stop - self._part.start
        return [self._block.columns[position].slice(first, count) for position in positions], {}


@dataclass(frozen=True)
class _Block:
    """A block that Arrow took apart; its first row has the `number`, and starts on `line`."""

    text: str
    number: int
    line: int
    delimiter: str
    columns: dict[int, pa.Array]

    @cached_property
    def read(self) -> ReadRows:
        """The same rows as `csv` reads them: what is rejected is shown as it stands."""
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=self.delimiter)
        found, line = ReadRows(), self.line
        for cells in reader:
            if any(cells):
                found.lines.append(line)
                found.rows.append(cells)
            line = self.line + reader.line_num
        return found


class Reader(Protocol):
    """What gives rows, and the line the last one ended on."""

    line_num: int

    def __next__(self) -> list[str]:
        """The next row."""


class UnclosedQuote(csv.Error):
    """A row has a quote that is not closed before the end; `cells` are those of its first line."""

    def __init__(self, reason: str, cells: list[str]) -> None:
        super().__init__(reason)
        self.cells = cells


class _Lines:
    """Hands lines out, and keeps those of the row at hand, so that they can be read again."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.again: deque[str] = deque()
        self.row: list[str] = []
        self.ran_out = False
        self._lines = iter(lines)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.again.popleft() if self.again else next(self._lines, "")
        if not line:
            self.ran_out = True
            raise StopIteration
        self.row.append(line)
        return line


class CsvRows:
    """The rows that `csv` reads from lines of text. But one whose quote is never closed, or closed by one
    that opens a cell some lines below, is its first line alone: `UnclosedQuote` is raised for it, and the
    lines behind it are read again.
    """

    def __init__(self, lines: Iterable[str], delimiter: str) -> None:
        self.line_num = 0
        self._delimiter = delimiter
        self._lines = _Lines(lines)
        self._reader = csv.reader(self._lines, delimiter=delimiter)

    @property
    def is_reading_again(self) -> bool:
        """Whether there are lines left to be read again."""
        return bool(self._lines.again)

    def __next__(self) -> list[str]:
        self._lines.row = []
        try:
            cells = next(self._reader)
        except csv.Error as error:
            reason = f"a cell is larger than {LARGEST_CELL:,} characters: a quote is never closed"
            raise self._unclosed(reason) from error
        if self._lines.ran_out:
            raise self._unclosed("a quote is never closed")
        if len(self._lines.row) > 1 and not _is_well_quoted("".join(self._lines.row), self._delimiter):
            raise self._unclosed("a quote is missing: the one that closes the cell stands within another")
        self.line_num += len(self._lines.row)
        return cells

    def _unclosed(self, reason: str) -> UnclosedQuote:
        first, *rest = self._lines.row
        self._lines.again.extendleft(reversed(rest))
        self._lines.ran_out = False
        self._reader = csv.reader(self._lines, delimiter=self._delimiter)
        self.line_num += 1
        return UnclosedQuote(reason, next(csv.reader([first], delimiter=self._delimiter)))


class RowReader:
    """Reads rows one by one. `number` counts those with text so far, after the skipped ones; those of `width`
    cells are whole. The reader's first line is the one after `line`.
    """

    def __init__(self, path: Path, reader: Reader, width: int, *, number: int = 0, line: int = 0) -> None:
        self.number = number
        self._path = path
        self._reader = reader
        self._width = width
        self._before = line

    @property
    def line(self) -> int:
        """The last line read."""
        return self._before + self._reader.line_num

    def skip(self, rows: int) -> None:
        """Pass over rows with text. Raises InputError when the file breaks off."""
        while rows and (found := self._next()) is not None:
            rows -= any(found[0])

    def chunks(self, size: int, is_over: Callable[[], bool] = lambda: False) -> Iterator[ReadRows]:
        """The rows, until there are no more or `is_over`; lines without any text are no rows.

        Raises InputError when the file breaks off.
        """
        chunk = ReadRows()
        while not is_over():
            line = self.line + 1
            if (found := self._next()) is None:
                break
            cells, fault = found
            if fault or any(cells):
                self._add(chunk, line, cells, fault)
            if chunk.count == size:
                yield chunk
                chunk = ReadRows()
        if chunk.count:
            yield chunk

    def broken_off(self, error: Exception) -> InputError:
        """The error to raise when the file cannot be read to its end."""
        return InputError(
            f"{self._path} breaks off after line {self.line:,}: {error}.",
            remedy="Fetch the file again. Importing it again is safe: what was sent is not counted twice.",
        )

    def _add(self, chunk: ReadRows, line: int, cells: list[str], fault: str) -> None:
        self.number += 1
        width = self._width
        if len(cells) > width and not any(cells[width:]):
            del cells[width:]
        if fault:
            chunk.broken.append(Broken(self.number, line, fault, fault, cells))
        elif len(cells) != width:
            kind = f"the row has too {'few' if len(cells) < width else 'many'} cells"
            reason = f"{kind}: {len(cells)}, and the header has {width}"
            reason += f"; it goes on to line {self.line}" if self.line > line else ""
            chunk.broken.append(Broken(self.number, line, kind, reason, cells))
        else:
            chunk.numbers.append(self.number)
            chunk.lines.append(line)
            chunk.rows.append(cells)

    def _next(self) -> tuple[list[str], str] | None:
        """The cells of the next row and what is wrong with it; None after the last one."""
        try:
            return next(self._reader), ""
        except StopIteration:
            return None
        except csv.Error as error:
            return error.cells if isinstance(error, UnclosedQuote) else [], str(error)
        except (OSError, EOFError, zlib.error) as error:
            raise self.broken_off(error) from error


class TextRows:
    """The rows of an open text after its header; `above` counts the rows with text before that."""

    def __init__(self, path: Path, text: TextIO, delimiter: str, width: int, above: int) -> None:
        self._path = path
        self._text = text
        self._delimiter = delimiter
        self._width = width
        self._above = above
        self._number = self._line = 0
        self._failure: Exception | None = None

    def chunks(self, size: int, positions: Sequence[int]) -> Iterator[Chunk]:
        """The rows, at most `size` at a time, of which the columns at `positions` can be asked for.

        Raises InputError when the file breaks off.
        """
        header = self._row_reader(self._text)
        header.skip(self._above + 1)
        self._line = header.line
        while text := self._next_block():
            columns = parsed(text, self._delimiter, self._width, positions)
            if columns is None:
                yield from self._read_chunks(text, size)
            else:
                yield from self._parsed_chunks(text, columns, size)
        if self._failure is not None:
            raise self._row_reader("").broken_off(self._failure) from self._failure

    def _row_reader(self, lines: Iterable[str]) -> RowReader:
        return self._numbered(csv.reader(lines, delimiter=self._delimiter))

    def _numbered(self, reader: Reader) -> RowReader:
        return RowReader(self._path, reader, self._width, number=self._number, line=self._line)

    def _parsed_chunks(self, text: str, columns: dict[int, pa.Array], size: int) -> Iterator[ParsedRows]:
        block = _Block(text, self._number + 1, self._line + 1, self._delimiter, columns)
        count = len(next(iter(columns.values())))
        self._number += count
        self._line += count_lines(text)
        for first in range(0, count, size):
            yield ParsedRows(block, first, min(first + size, count))

    def _read_chunks(self, text: str, size: int) -> Iterator[ReadRows]:
        """The rows of a block, and where it ends within quotes, more of the text up to the end of the row."""
        own = io.StringIO(text, newline="")
        reader = CsvRows(chain(own, self._further_lines()), self._delimiter)
        rows = self._numbered(reader)
        yield from rows.chunks(size, lambda: own.tell() == len(text) and not reader.is_reading_again)
        self._number, self._line = rows.number, rows.line

    def _further_lines(self) -> Iterator[str]:
        if self._failure is not None:
            raise self._failure
        yield from iter(self._text.readline, "")

    def _next_block(self) -> str:
        """The next part of the text: whole lines and, as far as their quotes tell, whole rows."""
        text = "".join(self._next_pieces())
        return text if self._failure is None else text[: text.rfind("\n") + 1]

    def _next_pieces(self) -> Iterator[str]:
        size = quotes = 0
        while size < BLOCK and (piece := self._get(lambda: self._text.read(PIECE))):
            size += len(piece)
            quotes += piece.count(QUOTE)
            yield piece
        for _ in range(MORE_LINES):
            line = self._get(self._text.readline)
            quotes += line.count(QUOTE)
            yield line
            if not line or quotes % 2 == 0:
                return

    def _get(self, read: Callable[[], str]) -> str:
        """What is read, or nothing more once the file has broken off: what was read before comes first."""
        try:
            return "" if self._failure is not None else read()
        except (OSError, EOFError, zlib.error) as error:
            self._failure = error
            return ""


def parsed(text: str, delimiter: str, width: int, positions: Sequence[int]) -> dict[int, pa.Array] | None:
    """The columns at `positions` of a block of text; None where only `csv` can tell what its rows are."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = [str(position) for position in range(width)]
    wanted = [names[position] for position in sorted({*positions, width - 1})]
    ends_line = text.endswith(("\n", "\r"))
    behind = f"{'' if ends_line else chr(10)}{delimiter.join([LAST_CELL] * width)}\n"
    try:
        data = (text + behind).encode()
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            arrow_csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
            arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), include_columns=wanted),
        )
    except (UnicodeEncodeError, pa.ArrowInvalid):
        return None
    columns = [column.combine_chunks() for column in table.columns]
    if columns[-1][-1].as_py() != LAST_CELL:
        return None
    columns = [column[:-1] for column in columns]
    has_long_rows = count_lines(text) + (not ends_line) > len(columns[0])
    if _has_blank_row(columns) or (has_long_rows and not _is_well_quoted(text, delimiter)):
        return None
    return {int(name): column for name, column in zip(wanted, columns, strict=True)}


def _is_well_quoted(text: str, delimiter: str) -> bool:
    """Whether every quote that closes a cell stands at its end, but for blanks."""
    blanks = rf'" +(?=[\r\n{re.escape(delimiter)}]|$)'
    return _is_strict(text, delimiter) or _is_strict(re.sub(blanks, QUOTE, text), delimiter)


def _is_strict(text: str, delimiter: str) -> bool:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        deque(reader, maxlen=0)
    except csv.Error:
        return False
    return True


def count_lines(text: str) -> int:
    """How often a line ends in a text."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _has_blank_row(columns: Sequence[pa.Array]) -> bool:
    """Whether some row has no text in any of the columns; it may be no row at all."""
    import pyarrow.compute as pc

    blank = pc.equal(pc.binary_length(columns[0]), 0)
    for column in columns[1:]:
        if not pc.any(blank).as_py():
            return False
        blank = pc.and_(blank, pc.equal(pc.binary_length(column), 0))
    return bool(pc.any(blank).as_py())
