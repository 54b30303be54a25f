"""What is taken for personal data in a text, and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.rendering import own_sql

MOBILE, IDENTITY, EMAIL, PLATE = "mobile number", "resident identity number", "e-mail address", "plate number"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@pytest.fixture(scope="module")
def words() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(own_sql("macros"))
        yield connection


def kinds(connection: duckdb.DuckDBPyConnection, text: str | None) -> list[str]:
    """What the rules find: nothing is searched for that the quick look has let by."""
    sql = "SELECT CASE WHEN may_be_personal($text) THEN personal_data_in($text) ELSE [] END"
    ((found,),) = connection.execute(sql, {"text": text}).fetchall()
    return list(found)


def with_check_digit(digits: str) -> str:
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, digits, strict=True))
    return digits + "10X98765432"[total % 11]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("联系13812345678", [MOBILE]),
        ("13812345678", [MOBILE]),
        ("tel 138-1234-5678", [MOBILE]),
        ("199 1234 5678 王", [MOBILE]),
        ("+8613812345678", [MOBILE]),
        ("电话：86 13812345678。", [MOBILE]),
        ('{"phone":"13812345678"}', [MOBILE]),
        (r'{"words":"\u624b\u673a13812345678"}', [MOBILE]),
        (r'{"words":"call\n13812345678"}', [MOBILE]),
        ("身份证11010519491231002X，", [IDENTITY]),
        ("11010519491231002x", [IDENTITY]),
        ("写信 zhang.san@mail.example.cn 吧", [EMAIL]),
        ("a@b.cn", [EMAIL]),
        ("浙A12345", [PLATE]),
        ("车牌浙A·12345停在门口", [PLATE]),
        ("浙AD12345", [PLATE]),
        ("粤Z1234港", [PLATE]),
        (r'{"words":"\u6d59A12345"}', [PLATE]),
        ("王13812345678 浙A12345 a@b.cn", [MOBILE, EMAIL, PLATE]),
    ],
)
def test_finds(words: duckdb.DuckDBPyConnection, text: str, expected: list[str]) -> None:
    assert kinds(words, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "沿街第13号门前有暴露垃圾",
        "12812345678",  # no such prefix
        "113812345678",  # part of a longer number
        "138123456789",
        "E13812345678",  # a code
        '{"longitude":120.13812345678,"latitude":30.2}',
        '{"time":"2026-05-01T08:00:00.123456+08:00"}',
        "5b1d9a3e-13c4-4d2a-9f55-13812345678a",
        "11010519491231002Y",
        "110105194912310020",  # the check digit is X
        "110105194913310021",  # no such month
        "E11010519491231002X",
        "330109202605010013",  # a case number, whose check digit would be another
        "请 @张三 处理",
        "a@b",
        "京A1234",
        "新E010120260501",
        "沪C1234567",
    ],
)
def test_lets_pass(words: duckdb.DuckDBPyConnection, text: str | None) -> None:
    assert kinds(words, text) == []


@given(
    st.integers(110000, 659999),
    st.dates(min_value=date(1920, 1, 1), max_value=date(2026, 1, 1)),
    st.integers(0, 999),
)
def test_only_one_of_the_eleven_check_digits_is_right(
    words: duckdb.DuckDBPyConnection, area: int, born: date, serial: int
) -> None:
    digits = f"{area}{born:%Y%m%d}{serial:03d}"
    right = with_check_digit(digits)
    for last in "0123456789X":
        assert kinds(words, digits + last) == ([IDENTITY] if digits + last == right else [])


@given(
    st.text(max_size=60),
    st.sampled_from(["13812345678", "a.b@c.example.cn", "11010519491231002X"]),
    st.text(max_size=60),
)
def test_what_the_quick_look_lets_by_holds_nothing(
    words: duckdb.DuckDBPyConnection, before: str, personal: str, after: str
) -> None:
    """The look must never hide what the search would find."""
    text = (before + personal + after).replace("\x00", "")
    sql = "SELECT may_be_personal($text) OR len(personal_data_in($text)) = 0"
    assert words.execute(sql, {"text": text}).fetchall() == [(True,)]
