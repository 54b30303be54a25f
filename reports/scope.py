"""What a report is about: a business date or a period, written as people write it.

`2026-05-02` is a day, `2026-W18` a week, `2026-05` a month, `2026-Q2` a quarter, `2026-H1` a half-year,
`2026` a year. Weeks are those of ISO 8601, from Monday.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from gridrates.errors import InputError

Kind = Literal["day", "week", "month", "quarter", "half_year", "year"]
MONTHS: dict[str, int] = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}


@dataclass(frozen=True, order=True)
class Scope:
    """A stretch of business dates of one kind, both ends included."""

    kind: Kind
    first: date
    last: date

    @property
    def key(self) -> str:
        """How it is written; also the name of its folder."""
        if self.kind == "week":
            year, week, _ = self.first.isocalendar()
            return f"{year}-W{week:02d}"
        number = (self.first.month - 1) // MONTHS.get(self.kind, 1) + 1
        return {
            "day": f"{self.first}",
            "month": f"{self.first:%Y-%m}",
            "quarter": f"{self.first.year}-Q{number}",
            "half_year": f"{self.first.year}-H{number}",
            "year": f"{self.first.year}",
        }[self.kind]

    @property
    def title_zh(self) -> str:
        """How it is written in Chinese."""
        first, last = self.first, self.last
        half = "上半年" if first.month == 1 else "下半年"
        return {
            "day": f"{first.year}年{first.month}月{first.day}日",
            "week": f"{first.year}年{first.month}月{first.day}日至{last.month}月{last.day}日",
            "month": f"{first.year}年{first.month}月",
            "quarter": f"{first.year}年第{(first.month + 2) // 3}季度",
            "half_year": f"{first.year}年{half}",
            "year": f"{first.year}年",
        }[self.kind]

    @property
    def title_en(self) -> str:
        """How it is written in English."""
        first, last = self.first, self.last
        half = "First" if first.month == 1 else "Second"
        return {
            "day": f"{first:%A}, {first.day} {first:%B %Y}",
            "week": f"{first.day} {first:%B} to {last.day} {last:%B %Y}",
            "month": f"{first:%B %Y}",
            "quarter": f"Quarter {(first.month + 2) // 3} of {first.year}",
            "half_year": f"{half} half of {first.year}",
            "year": f"{first.year}",
        }[self.kind]

    def earlier(self, steps: int = 1) -> Scope:
        """The one of the same kind that many before."""
        if self.kind in ("day", "week"):
            shift = timedelta(days=steps * (7 if self.kind == "week" else 1))
            return Scope(self.kind, self.first - shift, self.last - shift)
        return _months(self.kind, *_add_months(self.first, -steps * MONTHS[self.kind]))

    def a_year_earlier(self) -> Scope | None:
        """The same period of the year before; a day or a week has none that compares."""
        return _months(self.kind, self.first.year - 1, self.first.month) if self.kind in MONTHS else None


def day(on: date) -> Scope:
    """One business date."""
    return Scope("day", on, on)


def parse(text: str) -> Scope:
    """A scope as people write it. Raises InputError."""
    for pattern, make in _FORMS:
        if match := re.fullmatch(pattern, text.strip(), re.ASCII):
            try:
                return make(*map(int, match.groups()))
            except ValueError:
                break
    raise InputError(
        f"{text!r} is neither a date nor a period.",
        remedy="Write 2026-05-02, 2026-W18, 2026-05, 2026-Q2, 2026-H1 or 2026.",
    )


def _week(year: int, number: int) -> Scope:
    monday = date.fromisocalendar(year, number, 1)
    return Scope("week", monday, monday + timedelta(days=6))


def _months(kind: Kind, year: int, month: int) -> Scope:
    """The period of the kind that begins with the month."""
    first = date(year, month, 1)
    after = date(*_add_months(first, MONTHS[kind]), 1)
    return Scope(kind, first, after - timedelta(days=1))


def _numbered(kind: Kind) -> Callable[[int, int], Scope]:
    return lambda year, number: _months(kind, year, (number - 1) * MONTHS[kind] + 1)


def _add_months(first: date, months: int) -> tuple[int, int]:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return year, month + 1


_FORMS: tuple[tuple[str, Callable[..., Scope]], ...] = (
    (r"(\d{4})-(\d{2})-(\d{2})", lambda *parts: day(date(*parts))),
    (r"(\d{4})-W(\d{2})", _week),
    (r"(\d{4})-(\d{2})", _numbered("month")),
    (r"(\d{4})-Q([1-4])", _numbered("quarter")),
    (r"(\d{4})-H([12])", _numbered("half_year")),
    (r"(\d{4})", lambda year: _months("year", year, 1)),
)
