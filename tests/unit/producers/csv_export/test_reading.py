"""Exports are read whatever their delimiter and encoding, and refused with the reason when they are none."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import sys
import tracemalloc
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridrates.errors import InputError
from producers.csv_export import reading
from producers.csv_export import rows as rows_of_exports
from producers.csv_export.reading import BLANKS, candidate_encodings, column_names, find_layout, open_export
from producers.csv_export.rows import LARGEST_CELL, ReadRows
from tests.exporting import write_csv

HEADER = ["编号", "状态", "时间"]
ROWS = [["1", "办结", "2024-05-01"], ["2", "处理中", ""]]


def read(path: Path, wanted: Sequence[str] = (), size: int = 1000, **options: str) -> ReadRows:
    """All rows of a file, in one chunk."""
    whole = ReadRows()
    with open_export(path, wanted=wanted, **options) as export:
        for chunk in export.chunks(size):
            assert 0 < chunk.count <= size
            whole.numbers += chunk.numbers
            whole.lines += chunk.lines
            whole.rows += chunk.rows
            whole.broken += chunk.broken
    return whole


def refusal(path: Path, wanted: Sequence[str] = (), **options: str) -> str:
    with pytest.raises(InputError) as error:
        read(path, wanted, **options)
    assert str(path) in error.value.message or "encoding" in error.value.message
    assert error.value.remedy
    assert "\n" not in error.value.message
    return error.value.message


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", None),
        ("utf-32", None),
        ("utf-16-le", "utf-16-le"),
        ("gb18030", "gb18030"),
        ("gb18030", "GB2312"),
        ("gbk", "gbk"),
        ("big5", "big5"),
        ("utf-8-sig", "gb18030"),
    ],
)
def test_any_delimiter_in_any_encoding(
    tmp_path: Path, delimiter: str, encoding: str, declared: str | None
) -> None:
    header, rows = HEADER, ROWS
    if encoding == "big5":
        header, rows = ["a", "b", "c"], [["1", "是", ""], ["2", "否", ""]]
    path = write_csv(tmp_path / "x.csv", [header, *rows], encoding=encoding, delimiter=delimiter)
    options = {"encoding": declared} if declared else {}
    with open_export(path, wanted=header, **options) as export:
        assert export.layout.names == tuple(header)
        assert export.layout.delimiter == delimiter
        assert [chunk.rows for chunk in export.chunks(9)] == [rows]


def test_the_delimiter_is_the_one_that_gives_the_columns_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a, b, c, d;case id;state\n1, 2, 3, 4;7;open\n")
    assert read(path, ["case id"]).rows == [["1, 2, 3, 4", "7", "open"]]
    assert find_layout(path).delimiter == ","
    assert read(path, ["a"]).rows == [["1", " 2", " 3", " 4;7;open"]]
    assert read(path, delimiter=";").rows == [["1, 2, 3, 4", "7", "open"]]


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", [HEADER, *ROWS])
    path.write_bytes(gzip.compress(path.read_bytes()[:40]) + gzip.compress(path.read_bytes()[40:]))
    assert read(path).rows == ROWS


def test_quotes_newlines_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(
        b'\r\nid,"a ""quoted"" name"\r\n1,"two\r\nlines, one cell"\r\n'
        b'\r\n,\r\n2,5"" pipe\n3,"say ""hi"""\r4,x'
    )
    chunk = read(path, ['a "quoted" name'])
    assert chunk.rows == [
        ["1", "two\r\nlines, one cell"],
        ["2", '5"" pipe'],
        ["3", 'say "hi"'],
        ["4", "x"],
    ]
    assert chunk.numbers == [1, 2, 3, 4]
    assert chunk.lines == [3, 7, 8, 9]


def test_rows_of_another_width_are_broken_and_stop_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b,c\n1,2,3\n1,2\n1,2,3,4\n1,2,3,,\n4,5,6\n")
    chunk = read(path)
    assert chunk.rows == [["1", "2", "3"], ["1", "2", "3"], ["4", "5", "6"]]
    assert chunk.numbers == [1, 4, 5]
    assert [(b.number, b.line, b.kind, b.cells) for b in chunk.broken] == [
        (2, 3, "the row has too few cells", ["1", "2"]),
        (3, 4, "the row has too many cells", ["1", "2", "3", "4"]),
    ]
    assert chunk.broken[1].reason == "the row has too many cells: 4, and the header has 3"


def test_an_unclosed_quote_costs_no_more_than_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = csv.field_size_limit(1000)
    try:
        path = tmp_path / "x.csv"
        lines = ["a,b", "1,x", '2,"never closed', *(f"{n},fine" for n in range(3, 500))]
        path.write_text("\n".join(lines))
        chunk = read(path)
    finally:
        csv.field_size_limit(before)
    assert chunk.rows[0] == ["1", "x"]
    assert [b.number for b in chunk.broken] == [2]
    assert "a quote is never closed" in chunk.broken[0].reason
    assert chunk.broken[0].cells == ["2", "never closed\n"]
    assert chunk.rows[1:] == [[str(n), "fine"] for n in range(3, 500)]


def test_a_cell_may_be_as_large_as_the_limit(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", [["a", "b"], ["1", "x" * (LARGEST_CELL - 1)], ["2", "y"]])
    chunk = read(path)
    assert [len(row[1]) for row in chunk.rows] == [LARGEST_CELL - 1, 1]


def test_an_archive_of_an_export_is_to_be_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cases.csv", "id,opened")
    assert "is a ZIP archive of cases.csv" in refusal(path)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_known_by_its_zeros(encoding: str) -> None:
    text = "工单编号,受理时间\n" + "20240501001,2024-05-01 08:00:00\n" * 9
    assert candidate_encodings(text.encode(encoding)) == [encoding]


def test_headers_however_odd_get_names_of_their_own() -> None:
    cells = ["\ufeffid ", "", "状态", 'a "b"', "状态", "", "状态", "a;b", "\u3000时间\u200b"]
    assert column_names(cells) == (
        "id", "#2", "状态", 'a "b"', "状态#2", "#6", "状态#3", "a;b", "时间",
    )  # fmt: skip


@given(st.lists(st.text(max_size=4), max_size=12))
def test_names_are_never_empty_and_mostly_unique(cells: list[str]) -> None:
    names = column_names(cells)
    assert len(names) == len(cells)
    assert all(names)
    if not any("#" in cell for cell in cells):
        assert len(set(names)) == len(names)


def test_blanks_are_all_that_python_strips_and_two_more() -> None:
    spaces = {chr(c) for c in range(sys.maxunicode + 1) if chr(c).isspace()}
    assert set(BLANKS) == spaces | {"\u200b", "\ufeff"}


def test_bad_bytes_among_good_ones_stay_in_their_row(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    good = "".join(f"{n},办结\n" for n in range(20)).encode()
    path.write_bytes("编号,状态\n".encode() + good + b"bad,\xff\xfe\n" + "21,办结\n".encode())
    chunk = read(path)
    assert chunk.rows[20] == ["bad", "\udcff\udcfe"]
    assert chunk.rows[21] == ["21", "办结"]
    assert "".join(chunk.rows[20]).encode("utf-8", reading.ESCAPE) == rb"bad\xff\xfe"


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16-le", "big5", "shift-jis", "utf-8"])
@given(data=st.binary(max_size=200))
def test_no_bytes_break_the_decoder(encoding: str, data: bytes) -> None:
    text = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, errors=reading.ESCAPE, newline="").read()
    text.encode("utf-8", reading.ESCAPE)


def test_another_encoding_is_refused_with_the_place_and_a_guess(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", [["id", "办结"], ["1", "是"]], encoding="gb18030")
    message = refusal(path)
    assert "is not utf-8" in message
    assert "at position 3 mean nothing" in message
    assert "It can be read as gb18030" in message
    path.write_bytes(codecs.BOM_UTF8 + b"id,a\n1," + b"\xe9t\xe9\n")
    assert "at position 10 " in refusal(path)


def test_text_in_another_encoding_that_happens_to_decode_is_guessed_by_its_columns(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", [["id", "状态"], ["1", "办结"]])
    with pytest.raises(InputError) as error:
        read(path, ["id", "状态"], encoding="gb18030")
    assert "'状态'" in error.value.message
    assert "Read as utf-8 it has them all" in error.value.remedy
    path = write_csv(tmp_path / "y.csv", [["id", "办结"], ["1", "是"]], encoding="gb18030")
    with pytest.raises(InputError, match="Read as gb18030 it has them all"):
        read(path, ["id", "办结"], encoding="cp1252")


def test_a_declared_encoding_that_is_none_is_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", [HEADER])
    for name in ("klingon", "base64", "rot13"):
        assert f"no text encoding '{name}'" in refusal(path, encoding=name)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n \r\n", "is empty"),
        (b"PK\x03\x04\x14\x00", "begins like a workbook and is none"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "begins like a workbook and is none"),
        (b"SQLite format 3\x00", "a database"),
        (b"\x7fELF\x02\x01\x01\x00\x00\x00", "binary"),
        (b"i\x00d\x00,\x00a\x00\n\x00", "UTF-16 without its mark"),
        (b"\x1f\x8b\x08 not gzip at all", "cannot be read"),
        # The same bytes in every process: without its time, that is part of a test's name.
        (gzip.compress(b"id,a\n" * 1000, mtime=0)[:30], "is cut off"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><table><tr><td>id", "is a web page (HTML)"),
        (b"<html xmlns:x='urn:schemas-microsoft-com:office:excel'>", "is a web page (HTML)"),
        (b"<?xml version='1.0'?><Workbook>", "is XML"),
        (b'[\n {"id": 1}]', "is JSON"),
    ],
)
def test_what_is_no_csv_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    assert says in refusal(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "There is no file" in refusal(tmp_path / "none.csv")
    assert "cannot be read" in refusal(tmp_path)


def test_a_file_cut_off_in_the_middle_says_where(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    lines = "id,text\n" + "".join(f"{n},{n * 7919 % 1000003}\n" for n in range(300_000))
    packed = gzip.compress(lines.encode(), 1)
    path.write_bytes(packed[: len(packed) - 5000])
    with open_export(path) as export, pytest.raises(InputError, match=r"breaks off after line \d\d\d,\d\d\d"):
        for _ in export.chunks(1000):
            pass


def test_missing_columns_are_named_with_the_nearest(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", [["case_id", "opened_dt", "closed_dt"]])
    message = refusal(path, ["case_id", "open_dt", "城市"])
    assert "lacks what the mapping names: 'open_dt', did you mean 'opened_dt'" in message
    assert "'城市'" in message
    assert "It has case_id, opened_dt, closed_dt." in message


@pytest.mark.parametrize("last", ["", "a row of one cell"])
def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    """Neither where blocks are taken apart at once, nor where a row in each makes them be read row by row."""
    monkeypatch.setattr(rows_of_exports, "BLOCK", 256 * 1024)
    path = tmp_path / "x.csv"

    def peak(rows: int) -> int:
        with path.open("w") as file:
            file.write("id,text\n")
            for _ in range(rows // 1000):
                file.writelines(f"{n},{'x' * 50}\n" for n in range(1000 - bool(last)))
                file.write(f"{last}\n")
        tracemalloc.start()
        with open_export(path) as export:
            assert sum(chunk.count for chunk in export.chunks(1000)) == rows
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(30_000)
    assert peak(120_000) < 1.2 * peak(30_000)
