"""Blocks taken apart by Arrow hold the rows that Python's `csv` reads, whatever stands in them and wherever
they are cut.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gridrates.errors import InputError
from producers.csv_export import rows
from producers.csv_export.rows import LAST_CELL, Broken, Chunk, ParsedRows, ReadRows, TextRows

WIDTH = 3
HEADER = "a,b,c\n"
# What can be mistaken: quotes everywhere, ends of lines, blank lines, bad bytes, what is put behind a block.
PIECES = [
    *('"', '""', ",", ",", "\n", "\n", "\r", "\r\n", " ", "\0", "x", "yy", "办结", "\u3000", "\udcff"),
    *('"two\nlines"', '"say ""hi"""', ",,", "1,2,3\n", "4,5,6\r\n", '"7","8","9"\n', ",,\n"),
    *(LAST_CELL, f"{LAST_CELL},{LAST_CELL},{LAST_CELL}\n"),
]
texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("BLOCK", 24), ("PIECE", 5), ("MORE_LINES", 3)):
        monkeypatch.setattr(rows, name, size)


def read(text: str, size: int = 4) -> list[Chunk]:
    source = io.StringIO(HEADER + text, newline="")
    # A text file gives lines that end as they stand, like this one.
    return list(TextRows(Path("x.csv"), source, ",", WIDTH, 0).chunks(size, range(WIDTH)))


def table(text: str) -> Iterator[tuple[int, list[str], bool]]:
    """The lines that rows start on, the rows as `csv` reads them from the whole text, and whether they are
    unclosed: of such a one only the first line.
    """
    lines, start = list(io.StringIO(text, newline="")), 0
    while start < len(lines):
        reader = csv.reader(lines[start:])
        cells = next(reader)
        is_unclosed = next(csv.reader([*lines[start:], "\nend"]), None) != cells
        if is_unclosed or (reader.line_num > 1 and has_stray_quote(lines[start : start + reader.line_num])):
            (cells,), is_unclosed = csv.reader([lines[start]]), True
        yield start + 2, cells, is_unclosed
        start += 1 if is_unclosed else reader.line_num


def has_stray_quote(lines: list[str]) -> bool:
    try:
        list(csv.reader([re.sub('" +(?=,|[\r\n]|$)', '"', "".join(lines))], strict=True))
    except csv.Error:
        return True
    return False


def plainly(text: str) -> tuple[ReadRows, list[Broken]]:
    """All rows as they are to be read."""
    found, number = ReadRows(), 0
    for line, cells, is_unclosed in table(text):
        if any(cells) or is_unclosed:
            number += 1
            while len(cells) > WIDTH and not any(cells[WIDTH:]):
                cells = cells[:WIDTH]
            if len(cells) == WIDTH and not is_unclosed:
                found.numbers.append(number)
                found.lines.append(line)
                found.rows.append(cells)
            else:
                found.broken.append(Broken(number, line, "", "", cells))
    return found, found.broken


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(text=texts)
@example(text='1,2,"x\n' + "y,z\n" * 9)
@example(text='"' + "1,2,3\n" * 9)
@example(text='1,2,5" pipe\n' * 9)
@example(text='x,y,"' + f"\n{LAST_CELL},{LAST_CELL},{LAST_CELL}" * 9)
def test_rows_are_those_that_csv_reads(small_blocks: None, text: str) -> None:
    chunks = read(text)
    expected, broken = plainly(text)
    assert [number for chunk in chunks for number in chunk.numbers] == expected.numbers
    assert [line for chunk in chunks for line in chunk.lines] == expected.lines
    assert [cells for chunk in chunks for cells in chunk.rows] == expected.rows
    assert [(b.number, b.line, b.cells) for chunk in chunks for b in chunk.broken] == [
        (b.number, b.line, b.cells) for b in broken
    ]
    for chunk in chunks:
        assert 0 < chunk.count <= 4
        if chunk.rows:
            assert columns_of(chunk) == [list(column) for column in zip(*chunk.rows, strict=True)]


def test_a_quote_that_is_never_closed_costs_its_own_row_alone(small_blocks: None) -> None:
    chunks = read('1,"2\n2",3\n4,5,"6\n' + "7,8,9\n" * 20 + "a,b,c\n")
    (broken,) = [broken for chunk in chunks for broken in chunk.broken]
    assert (broken.number, broken.line, broken.reason) == (2, 4, "a quote is never closed")
    assert broken.cells == ["4", "5", "6\n"]
    assert sum(chunk.count for chunk in chunks) == 23
    assert chunks[-1].rows[-1] == ["a", "b", "c"]
    assert chunks[-1].lines[-1] == 25


def test_a_missing_quote_takes_no_row_of_those_below_it(small_blocks: None) -> None:
    text = '1,2,"3"\n' * 9 + '4,5,"6\n7,8,"9"\n' + '1,2,"two\nlines" \n' * 9
    chunks = read(text, 100)
    (broken,) = [broken for chunk in chunks for broken in chunk.broken]
    assert (broken.number, broken.line, broken.cells) == (10, 11, ["4", "5", "6\n"])
    assert broken.reason.startswith("a quote is missing")
    rows = [cells for chunk in chunks for cells in chunk.rows]
    assert rows == [["1", "2", "3"]] * 9 + [["7", "8", "9"]] + [["1", "2", "two\nlines "]] * 9


def test_a_row_of_another_width_says_on_which_line_it_ends(small_blocks: None) -> None:
    reasons = [b.reason for chunk in read('1,"2\n3"\n7,8,9\n1,2\n') for b in chunk.broken]
    assert reasons == [
        "the row has too few cells: 2, and the header has 3; it goes on to line 3",
        "the row has too few cells: 2, and the header has 3",
    ]


def columns_of(chunk: Chunk) -> list[list[str]]:
    """The columns as they are mapped; those of a row with bad bytes as they stand."""
    columns, bad = chunk.columns(range(WIDTH))
    texts = [column.to_pylist() for column in columns]
    for place in bad:
        for position in range(WIDTH):
            assert texts[position][place] == ""
            texts[position][place] = chunk.rows[place][position]
    return texts


@pytest.mark.parametrize(
    ("text", "is_parsed"),
    [
        ("1,2,3\n4,5,6\n", True),
        ("1,2,3\r\n\r\n4,5,6", True),
        ('"1","two\nlines",3\n4,"say ""hi""",6\n', True),
        ('1,2,5" pipe\n', True),
        ("1,2,3\n4,5\n", False),
        ("1,2,3\n,,\n", False),
        ("1,2,\udcff\n", False),
        ('1,2,"open\n', False),
    ],
)
def test_what_is_a_plain_table_is_taken_apart_at_once(text: str, is_parsed: bool) -> None:
    assert [isinstance(chunk, ParsedRows) for chunk in read(text, 9)] == [is_parsed]


def test_after_a_block_that_is_none_the_next_is_a_plain_table_again(small_blocks: None) -> None:
    chunks = read("1,2,3\n" * 9 + "1,2\n" + "4,5,6\n" * 20, 100)
    kinds = [isinstance(chunk, ParsedRows) for chunk in chunks]
    assert kinds.count(False) == 1
    assert kinds[0] and kinds[-1]


def test_only_the_columns_asked_for_are_taken_apart(small_blocks: None) -> None:
    source = io.StringIO(f"{HEADER}1,\udcff,3\n", newline="")
    (chunk,) = TextRows(Path("x.csv"), source, ",", WIDTH, 0).chunks(9, [2, 0])
    columns, bad = chunk.columns([2, 0])
    assert ([column.to_pylist() for column in columns], bad) == ([["3"], ["1"]], {})


class Cut(io.StringIO):
    """A text whose file breaks off after so many characters."""

    def __init__(self, text: str, after: int) -> None:
        super().__init__(text, newline="")
        self._after = after

    def read(self, size: int | None = -1) -> str:
        self._fail()
        return super().read(size)

    def readline(self, size: int = -1) -> str:  # type: ignore[override]
        self._fail()
        return super().readline(size)

    def __next__(self) -> str:
        self._fail()
        return super().__next__()

    def _fail(self) -> None:
        if self.tell() >= self._after:
            raise EOFError("it ends here")


@pytest.mark.parametrize("tail", ["1,2,3\n", '1,"2,3\n', "1,2\n"])
def test_whole_lines_before_the_end_of_a_cut_file_come_first(small_blocks: None, tail: str) -> None:
    text = HEADER + "1,2,3\n" * 20 + tail * 20

    def numbers() -> Iterator[int]:
        for chunk in TextRows(Path("x.csv"), Cut(text, 160), ",", WIDTH, 0).chunks(4, range(WIDTH)):
            yield chunk.count

    counts = []
    with pytest.raises(InputError, match=r"x.csv breaks off after line (\d+): it ends here") as error:
        counts.extend(numbers())
    assert sum(counts) >= 20
    assert "Fetch the file again" in error.value.remedy
