"""How a refused payload becomes another: encodings, expressions, edited files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridrates.errors import InputError
from tests.landing import payload
from warehouse.mending import (
    AsItIs,
    ByExpression,
    ByFile,
    DeadLetter,
    Mended,
    Unmended,
    export,
    spelled,
)


def letter(value: bytes | None, reject_id: int = 1, **changes: Any) -> DeadLetter:
    known = {
        "reject_id": reject_id, "status": "open", "reason_code": "bad_time", "reason_text": "time: no",
        "source": "/test", "event_id": "e-1", "key": b"C-1", "payload": value, "headers": None,
        "topic": "case-events", "partition": 2, "offset": 7, "rejected_at": datetime(2026, 5, 1, tzinfo=UTC),
    }  # fmt: skip
    return DeadLetter(**(known | changes))


def mend(expression: str, *values: bytes | None, **how: Any) -> list[Mended]:
    letters = [letter(value, number) for number, value in enumerate(values, 1)]
    return ByExpression(expression, **how).mended(letters)


def test_without_mending_payloads_stay_as_they_are() -> None:
    assert AsItIs().mended([letter(b"\xff"), letter(None)]) == [b"\xff", None]
    assert AsItIs().words is None


def test_an_expression_makes_the_payload_anew() -> None:
    wrong = payload(time="2026-05-01 08:00:00")
    (mended,) = mend(
        "json_merge_patch(payload, json_object('time', replace(payload->>'time', ' ', 'T') || '+08:00'))",
        wrong,
    )
    assert isinstance(mended, bytes)
    assert json.loads(mended) == json.loads(payload())


def test_an_expression_sees_what_is_known_of_the_letter() -> None:
    names = ("key", "reason_code", "reason_text", "source", "event_id", "reject_id")
    (mended,) = mend(f"concat_ws('|', {', '.join(names)})", b"{}")
    assert mended == b"C-1|bad_time|time: no|/test|e-1|1"


def test_the_payload_is_null_where_it_is_no_text() -> None:
    assert mend("coalesce(payload, 'none')", b"\xff", None, b"x") == [b"none", b"none", b"x"]
    assert mend("payload", b"\xff") == [Unmended("The expression gives null.")]


def test_bytes_of_another_encoding_are_read() -> None:
    chinese = payload(subject="案件", data={"description": "井盖破损"})
    assert mend("payload", chinese.decode().encode("gb18030"), encoding="GB18030") == [chinese]
    (failed,) = mend("payload", b"\xff\xff", encoding="gb18030")
    assert isinstance(failed, Unmended)


def test_an_expression_that_fails_on_one_letter_mends_the_others() -> None:
    found = mend("CAST(payload AS INTEGER) + 1", b"1", b"x", b"2")
    assert (found[0], found[2]) == (b"2", b"3")
    assert isinstance(found[1], Unmended)
    assert "Could not convert string 'x'" in found[1].text


@pytest.mark.parametrize(
    "expression",
    [
        "nope(payload)",
        "payload FROM letters; SELECT 1",
        "",
        "no_such_column",
        "'",
        "sum(length(payload)) OVER",
    ],
)
def test_an_expression_that_cannot_be_understood_is_refused_before_anything_is_done(expression: str) -> None:
    with pytest.raises(InputError, match="cannot be understood"):
        ByExpression(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "(SELECT content FROM read_text('{0}'))",
        "(SELECT count(*) FROM read_csv('{0}'))",
        "(SELECT count(*) FROM glob('{0}'))",
        "getenv('HOME')",
    ],
)
def test_an_expression_reaches_no_file_and_nothing_of_the_process(expression: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("secret\n")
    with pytest.raises(InputError):
        ByExpression(expression.format(secret))


def test_an_expression_cannot_open_what_was_closed() -> None:
    with pytest.raises(InputError):
        ByExpression("(SELECT * FROM (SET enable_external_access = true))")


def test_an_encoding_nobody_knows() -> None:
    with pytest.raises(InputError, match="gb18031"):
        ByExpression(encoding="gb18031")


def test_words_tell_how_it_was_mended(tmp_path: Path) -> None:
    assert ByExpression("upper(payload)").words == "upper(payload)"
    assert ByExpression(encoding="GB18030").words == "payload of the payload read as gb18030"
    (tmp_path / "x.jsonl").touch()
    assert ByFile(tmp_path / "x.jsonl").words == "edited file x.jsonl"


HARD = (
    payload(),
    payload(subject="案件 \u2028 \\ \" '"),
    b"[1]",
    b"\xff\x00",
    b"",
    b"{" * 3_000,
    b'{"a": 1, "a": 2}',
    b'{"a": NaN}',
    b"line\nline\r\n",
    None,
)


def test_what_was_exported_and_not_edited_is_what_it_was(tmp_path: Path) -> None:
    letters = [letter(value, number) for number, value in enumerate(HARD, 1)]
    path = tmp_path / "letters.jsonl"
    assert export(letters, path) == len(HARD)
    edits = ByFile(path)
    assert edits.ids == tuple(range(1, len(HARD) + 1))
    for value, mended in zip(HARD, edits.mended(letters), strict=True):
        if value is None:
            assert isinstance(mended, Unmended)
        else:
            assert isinstance(mended, bytes)
            assert mended == value or json.loads(mended) == _first_wins(value)


def _first_wins(value: bytes) -> Any:
    return json.loads(value, object_pairs_hook=lambda pairs: dict(reversed(pairs)))


def test_of_a_key_that_an_edited_line_has_twice_the_first_counts(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_text('{"reject_id": 1, "event": {"id": "a", "id": "b"}, "event": {}}')
    assert ByFile(path).mended([letter(b"", 1)]) == [b'{"id": "a"}']


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_payload_can_be_spelled_in_a_file(value: bytes) -> None:
    (name,) = spelled(value)
    line = json.dumps(spelled(value))
    if name != "event":
        assert json.loads(line) == spelled(value)
        assert name == ("text" if _is_utf8(value) else "base64")


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_an_edited_event_is_taken_and_a_deleted_line_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    export([letter(payload(time="x"), 4), letter(b"[]", 5), letter(b"{}", 6)], path)
    lines = path.read_text().splitlines()
    edited = json.loads(lines[0])
    edited["event"]["time"] = "2026-05-01T08:00:00+08:00"
    path.write_text("\n\n".join([lines[2], json.dumps(edited, indent=None)]) + "\n")
    edits = ByFile(path)
    assert edits.ids == (6, 4)
    (mended,) = edits.mended([letter(b"", 4)])
    assert isinstance(mended, bytes)
    assert json.loads(mended) == json.loads(payload())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "line 1: no dead letter"),
        ("[]", "line 1: no dead letter"),
        ('{"reject_id": "x"}', "line 1: no dead letter"),
        ('{"reject_id": 1, "base64": "?"}', "line 1: no dead letter"),
        ('{"reject_id": 1, "event":', "line 1: no dead letter"),
        (
            '{"reject_id": 1, "text": "a"}\n\n{"reject_id": 1, "text": "b"}',
            "line 3: the dead letter 1 is there twice",
        ),
    ],
)
def test_a_wrong_line_of_the_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        ByFile(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        ByFile(tmp_path / "none.jsonl")
