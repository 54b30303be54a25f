"""Dates and periods: written, read, named, counted back."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridrates.errors import InputError
from reports.scope import Scope, day, parse

DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@pytest.mark.parametrize(
    ("text", "kind", "first", "last"),
    [
        ("2026-05-02", "day", "2026-05-02", "2026-05-02"),
        ("2026-W18", "week", "2026-04-27", "2026-05-03"),
        ("2026-W53", "week", "2026-12-28", "2027-01-03"),
        ("2024-02", "month", "2024-02-01", "2024-02-29"),
        ("2026-12", "month", "2026-12-01", "2026-12-31"),
        ("2026-Q4", "quarter", "2026-10-01", "2026-12-31"),
        ("2026-H1", "half_year", "2026-01-01", "2026-06-30"),
        ("2026-H2", "half_year", "2026-07-01", "2026-12-31"),
        (" 2026 ", "year", "2026-01-01", "2026-12-31"),
    ],
)
def test_what_people_write(text: str, kind: str, first: str, last: str) -> None:
    found = parse(text)
    assert (found.kind, str(found.first), str(found.last)) == (kind, first, last)
    assert found.key == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        *("", "May", "26", "2026-5", "2026-13", "2026-00", "2026-02-30", "2026-05-02T00:00", "２０２６"),
        *("2026-W54", "2026-W00", "2026-Q5", "2026-H3"),
    ],
)
def test_what_is_no_scope_is_told_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(InputError, match="neither a date nor a period") as raised:
        parse(text)
    assert "2026-W18" in raised.value.remedy


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        ("2026-05-02", "2026年5月2日", "Saturday, 2 May 2026"),
        ("2026-W18", "2026年4月27日至5月3日", "27 April to 3 May 2026"),
        ("2026-05", "2026年5月", "May 2026"),
        ("2026-Q2", "2026年第2季度", "Quarter 2 of 2026"),
        ("2026-H1", "2026年上半年", "First half of 2026"),
        ("2026-H2", "2026年下半年", "Second half of 2026"),
        ("2026", "2026年", "2026"),
    ],
)
def test_titles(text: str, zh: str, en: str) -> None:
    assert (parse(text).title_zh, parse(text).title_en) == (zh, en)


@pytest.mark.parametrize(
    ("text", "steps", "earlier"),
    [
        ("2026-03-01", 1, "2026-02-28"),
        ("2026-W01", 1, "2025-W52"),
        ("2026-01", 1, "2025-12"),
        ("2026-01", 25, "2023-12"),
        ("2026-Q1", 1, "2025-Q4"),
        ("2026-H2", 3, "2025-H1"),
        ("2026", 2, "2024"),
    ],
)
def test_the_ones_before(text: str, steps: int, earlier: str) -> None:
    assert parse(text).earlier(steps) == parse(earlier)


@pytest.mark.parametrize(
    ("text", "earlier"),
    [("2024-02", "2023-02"), ("2026-Q1", "2025-Q1"), ("2026", "2025"), ("2026-05-02", None)],
)
def test_the_same_a_year_earlier(text: str, earlier: str | None) -> None:
    assert parse(text).a_year_earlier() == (parse(earlier) if earlier else None)


def scopes_of(on: date) -> list[Scope]:
    """Every scope a date lies in."""
    year, week, _ = on.isocalendar()
    half, quarter = (on.month + 5) // 6, (on.month + 2) // 3
    keys = (f"{year}-W{week:02d}", f"{on:%Y-%m}", f"{on.year}-Q{quarter}", f"{on.year}-H{half}", f"{on.year}")
    return [day(on), *map(parse, keys)]


@given(DAYS)
def test_a_date_lies_in_each_of_its_scopes(on: date) -> None:
    assert all(scope.first <= on <= scope.last for scope in scopes_of(on))


@given(DAYS)
def test_scopes_are_read_as_they_are_written(on: date) -> None:
    assert all(parse(scope.key) == scope for scope in scopes_of(on))


@given(DAYS, st.integers(1, 30))
def test_scopes_follow_one_another_without_a_gap(on: date, steps: int) -> None:
    for scope in scopes_of(on):
        assert scope.earlier(steps).last + timedelta(1) == scope.earlier(steps - 1).first
