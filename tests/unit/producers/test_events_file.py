"""Reading a file of events: every line accounted for, whatever it holds."""

from __future__ import annotations

import base64
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import InvalidEvent
from gridrates.errors import InputError, ResourceError
from producers import events_file
from producers.events_file import Line, Rejects, Summary, key_of, plain_text, portions, read_lines

EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "centre",
    "type": "gridrates.case.filed.v1",
    "subject": "case-七",
    "time": "2026-05-01T08:00:00+08:00",
    "data": {},
}


def lines(content: bytes) -> list[Line]:
    return list(read_lines(io.BytesIO(content), "f"))


def buffered(content: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(content))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", []),
        (b"a", [(1, b"a")]),
        (b"a\nb\n", [(1, b"a"), (2, b"b")]),
        (b"a\r\nb\r\n", [(1, b"a"), (2, b"b")]),
        (b"\n\r\n  \t\na\n\n", [(4, b"a")]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", [(1, b"a"), (2, b"\xef\xbb\xbfb")]),
        (b"\xef\xbb\xbf\na", [(2, b"a")]),
        (b"\xff\xfe\n\x00\n", [(1, b"\xff\xfe"), (2, b"\x00")]),
        (b" a b \n", [(1, b"a b")]),
        ("“七”\u2028x\n".encode(), [(1, "“七”\u2028x".encode())]),
    ],
)
def test_lines_are_numbered_and_blank_ones_passed_over(
    content: bytes, found: list[tuple[int, bytes]]
) -> None:
    assert [(line.number, line.text) for line in lines(content)] == found
    assert not any(line.is_cut for line in lines(content))


def test_a_line_of_ten_megabytes_is_whole() -> None:
    long = b"x" * 10_000_000
    assert [(line.number, line.text == long, line.is_cut) for line in lines(b"a\n" + long + b"\nb")] == [
        (1, False, False),
        (2, True, False),
        (3, False, False),
    ]


@pytest.mark.parametrize("rest", [b"yyy\nlast", b"y" * 40 + b"\nlast", b"y" * 15 + b"\nlast", b"y\nlast"])
def test_a_line_without_end_is_cut_and_the_next_one_found(
    rest: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_file, "LONGEST_LINE", 16)
    found = lines(b"x" * 16 + rest)
    assert [(line.number, line.text, line.is_cut) for line in found] == [
        (1, b"x" * 16, True),
        (2, b"last", False),
    ]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_of_exactly_the_limit_is_whole(end: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_file, "LONGEST_LINE", 16)
    content = b"x" * (16 - len(end)) + end
    assert [(line.text, line.is_cut) for line in lines(content)] == [(content.strip(), False)]


@given(st.lists(st.binary(max_size=30).filter(lambda text: b"\n" not in text)))
def test_every_line_that_is_not_blank_comes_once(texts: list[bytes]) -> None:
    expected = [(n, t.strip(b" \t\r\n")) for n, t in enumerate(texts, 1)]
    if expected:
        expected[0] = (1, texts[0].removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n"))
    found = [(line.number, line.text) for line in lines(b"\n".join(texts))]
    assert found == [(number, text) for number, text in expected if text]


def test_gzip_is_unpacked() -> None:
    stream = plain_text(buffered(gzip.compress(b"a\nb\n")), "f")
    assert [line.text for line in read_lines(stream, "f")] == [b"a", b"b"]


def test_what_is_not_gzip_is_left_alone() -> None:
    assert plain_text(buffered(b"a\nb\n"), "f").read() == b"a\nb\n"
    assert plain_text(buffered(b""), "f").read() == b""


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_an_error_that_says_so(encoding: str) -> None:
    content = "\ufeff{}".encode(encoding) if encoding == "utf-16-be" else "{}".encode(encoding)
    with pytest.raises(InputError, match=r"f is UTF-16\. Save it as UTF-8"):
        plain_text(buffered(content), "f")


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_damaged_gzip_is_an_error_that_says_where(damage: str) -> None:
    packed = bytearray(gzip.compress(b"".join(b"%d\n" % n for n in range(100_000))))
    packed = packed[: len(packed) // 2] if damage == "cut" else packed
    if damage == "flipped":
        packed[-8] ^= 0xFF
    stream = plain_text(buffered(bytes(packed)), "events.gz")
    seen = []
    with pytest.raises(InputError, match=r"events\.gz cannot be read beyond line [0-9,]+: ") as caught:
        seen += [line.number for line in read_lines(stream, "events.gz")]
    assert "do no harm" in caught.value.remedy.replace("does", "do")


def test_portions_are_bounded_by_lines_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_file, "PORTION_LINES", 3)
    monkeypatch.setattr(events_file, "PORTION_BYTES", 100)
    texts = [b"a"] * 4 + [b"b" * 150] + [b"c"] * 2
    made = [
        [line.text[:1] for line in portion]
        for portion in portions(Line(n, t) for n, t in enumerate(texts, 1))
    ]
    assert made == [[b"a"] * 3, [b"a", b"b"], [b"c", b"c"]]


def test_the_key_is_the_subject() -> None:
    assert key_of(Line(1, json.dumps(EVENT).encode())) == "case-七".encode()
    assert key_of(Line(1, json.dumps(EVENT | {"subject": 17}).encode())) == b"17"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (Line(1, b"{"), "not JSON"),
        (Line(1, b"\xff"), "not UTF-8"),
        (Line(1, json.dumps(EVENT | {"type": "x"}).encode()), "type: unknown event type"),
        (Line(1, json.dumps(EVENT).encode(), is_cut=True), "longer than 16,777,216 bytes"),
    ],
)
def test_what_is_no_event_says_why(line: Line, reason: str) -> None:
    with pytest.raises(InvalidEvent, match=reason):
        key_of(line)


def test_rejects_are_told_and_written(tmp_path: Path) -> None:
    told: list[tuple[int, str]] = []
    path = tmp_path / "r.jsonl"
    with Rejects(path, lambda number, reason: told.append((number, reason))) as rejects:
        rejects.add(3, "not JSON", '{"七'.encode())
        rejects.add(9, "not UTF-8", b"\xff\x00")
        assert rejects.count == 2
    written = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert written == [
        {"line": 3, "reason": "not JSON", "text": '{"七'},
        {"line": 9, "reason": "not UTF-8", "base64": base64.b64encode(b"\xff\x00").decode()},
    ]
    assert told == [(3, "not JSON"), (9, "not UTF-8")]


def test_without_rejects_there_is_no_file_and_an_old_one_goes(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("of an earlier run")
    with Rejects(path) as rejects:
        assert rejects.count == 0
    assert not path.exists()


def test_rejects_survive_an_error_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with pytest.raises(ZeroDivisionError), Rejects(path) as rejects:
        rejects.add(1, "bad", b"x")
        raise ZeroDivisionError
    assert json.loads(path.read_text())["line"] == 1


def test_a_rejects_file_that_cannot_be_written_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"cannot be written: .* Name another with --rejects"):
        Rejects(tmp_path / "none" / "r.jsonl").__enter__()


def test_a_summary_is_complete_unless_something_came_between() -> None:
    assert Summary(3, 2, 1).is_complete
    assert not Summary(3, 2, 1, signal_number=15).is_complete
    assert not Summary(3, 2, 1, failure=InputError("broken")).is_complete
