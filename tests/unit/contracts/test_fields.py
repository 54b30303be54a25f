"""Each kind of value: what it takes, what it refuses, and what it makes of it."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from contracts import fields


def taken(alias: Any, value: Any) -> Any:
    return TypeAdapter(alias).validate_python(value)


def refused(alias: Any, value: Any) -> bool:
    try:
        taken(alias, value)
    except ValidationError:
        return True
    return False


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("a", "a"),
        ("310101-2026 (七)", "310101-2026 (七)"),
        ("x" * 200, "x" * 200),
        (0, "0"),
        (-17, "-17"),
        (10**30, "1" + "0" * 30),
        ("007", "007"),
        ("http://a/b?c=d#e", "http://a/b?c=d#e"),
        ("👍", "👍"),
    ],
)
def test_code_takes(value: Any, made: str) -> None:
    assert taken(fields.Code, value) == made


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            " ",
            "a ",
            " a",
            "\ta",
            "a\n",
            "a\u3000",
            "\u00a0a",
            "a\u2009",
            "\ufeffa",
            "a\u200b",
            "a\u2028",
        ),
        *("a\x00b", "a\x1fb", "a\x7fb", "a\u0085b", "{a", "a}", "[1]", '"a"', "x" * 201, "\ud800"),
        *(1.0, 1.5, True, False, None, [], ["a"], {}, 10**200),
    ],
)
def test_code_refuses(value: Any) -> None:
    assert refused(fields.Code, value)


def test_code_says_what_a_code_is() -> None:
    with pytest.raises(ValidationError, match="not a code: 1 to 200 printable characters"):
        taken(fields.Code, "a ")


@pytest.mark.parametrize("value", [[], ["a", 1], ["x"] * 1000])
def test_codes_take(value: list[Any]) -> None:
    assert taken(fields.Codes, value) == [str(item) for item in value]


@pytest.mark.parametrize("value", ["a", ["a "], [None], [True], ["x"] * 1001, {}, None])
def test_codes_refuse(value: Any) -> None:
    assert refused(fields.Codes, value)


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("2026-05-01T08:00:00+08:00", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026-05-01t00:00:00z", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026-05-01 00:00:00Z", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026-05-01T00:00:00-00:00", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026-05-01T00:00:00.5Z", datetime(2026, 5, 1, 0, 0, 0, 500_000, UTC)),
        ("2026-05-01T00:00:00.123456789Z", datetime(2026, 5, 1, 0, 0, 0, 123_456, UTC)),
        ("1970-01-01T00:00:00Z", fields.EARLIEST),
        ("2200-01-01T07:59:59+08:00", datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        (datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)),
    ],
)
def test_moment_takes(value: Any, made: datetime) -> None:
    assert taken(fields.Moment, value) == made


@pytest.mark.parametrize(
    "value",
    [
        *(
            "2026-05-01",
            "2026-05-01T08:00:00",
            "2026-05-01T08:00Z",
            "20260501T080000Z",
            "2026-05-01T8:00:00Z",
        ),
        *("2026-05-01T24:00:00Z", "2026-05-01T23:59:60Z", "2026-05-01T08:60:00Z", "2026-13-01T08:00:00Z"),
        *("2026-02-29T08:00:00Z", "2026-04-31T08:00:00Z", "2026-00-01T08:00:00Z", "2026-01-00T08:00:00Z"),
        *(
            "2026-05-01T08:00:00+24:00",
            "2026-05-01T08:00:00+0800",
            "2026-05-01T08:00:00+08",
            "now",
            "infinity",
        ),
        *("2026-05-01T08:00:00Z\n", " 2026-05-01T08:00:00Z", "２０２６-05-01T08:00:00Z", "epoch", ""),
        *("2026-05-01T08:00:00.1234567890Z", "2026-05-01T08:00:00.Z", "2026-05-01T08:00:00,5Z"),
        *(
            "1969-12-31T23:59:59Z",
            "1970-01-01T07:59:59+08:00",
            "2200-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
        ),
        *("9999-12-31T23:59:59Z", 1777593600, 1.5, True, None, [], datetime(2026, 5, 1)),
    ],
)
def test_moment_refuses(value: Any) -> None:
    assert refused(fields.Moment, value)


def test_moment_is_written_with_its_offset() -> None:
    adapter = TypeAdapter(fields.Moment)
    written = adapter.dump_json(adapter.validate_python("2026-05-01T08:00:00+08:00"))
    assert json.loads(written) == "2026-05-01T08:00:00+08:00"


@pytest.mark.parametrize(("value", "made"), [(True, True), (False, False), ("true", True), ("false", False)])
def test_flag_takes(value: Any, made: bool) -> None:
    assert taken(fields.Flag, value) is made


@pytest.mark.parametrize("value", [0, 1, "0", "1", "TRUE", "True", "yes", "", " true", None, [], 1.0])
def test_flag_refuses(value: Any) -> None:
    assert refused(fields.Flag, value)


@pytest.mark.parametrize(("value", "made"), [(0, 0), (10**9, 10**9), ("0", 0), ("0005", 5), ("-0", 0)])
def test_integer_takes(value: Any, made: int) -> None:
    assert taken(fields.Count, value) == made


@pytest.mark.parametrize(
    "value",
    [-1, 10**9 + 1, 3.0, "3.0", "+3", " 3", "3 ", "3\n", "３", "٣", "1e3", "0x10", "", True, None, [3]],
)
def test_integer_refuses(value: Any) -> None:
    assert refused(fields.Count, value)


@pytest.mark.parametrize(
    ("value", "made"),
    [(180, 180.0), (-180, -180.0), (0.1, 0.1), ("120.5", 120.5), ("-1e2", -100.0)],
)
def test_number_takes(value: Any, made: float) -> None:
    assert taken(fields.Longitude, value) == made


@pytest.mark.parametrize(
    "value",
    [
        10**400,
        -(10**400),
        180.0001,
        -181,
        float("nan"),
        float("inf"),
        "nan",
        "inf",
        "1e999",
        ".5",
        "5.",
        "1,5",
        "",
        " 1",
        True,
        None,
    ],
)
def test_number_refuses(value: Any) -> None:
    assert refused(fields.Longitude, value)


def test_number_written_as_text_finds_its_way_back() -> None:
    for number in (sys.float_info.min, 1 / 3, 1e-7, 12.000000000000002):
        assert taken(fields.Quantity, repr(number)) == number


@pytest.mark.parametrize("value", ["0123456789abcdef", "f" * 128])
def test_hash_takes(value: str) -> None:
    assert taken(fields.KeyedHash, value) == value


@pytest.mark.parametrize("value", ["0123456789ABCDEF", "f" * 15, "f" * 129, "g" * 16, "13812345678", 10**16])
def test_hash_refuses(value: Any) -> None:
    assert refused(fields.KeyedHash, value)


def test_text_has_a_length() -> None:
    assert taken(fields.Text, "") == ""
    assert taken(fields.Text, "字" * 20_000)
    assert refused(fields.Text, "字" * 20_001)
    assert refused(fields.Text, 5)


def test_patterns_are_read_alike_by_other_engines() -> None:
    patterns = {name: value for name, value in vars(fields).items() if name.endswith("_PATTERN")}
    assert len(patterns) == 5
    for name, pattern in patterns.items():
        assert pattern.startswith("^") and pattern.endswith("$"), name
        assert not re.search(r"\\[dwsbDWSBAZpP]|\(\?", pattern), f"{name} is read differently elsewhere"
