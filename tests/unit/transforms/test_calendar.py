"""The working calendar of China against the two packages that know it: every day, and every make-up day."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import chinese_calendar
import holidays
import pytest

from gridrates.profile import Calendar
from transforms.calendar import Day, WorkingCalendar

FIRST, LAST = date(2022, 1, 1), date(2026, 12, 31)
EVERY_DAY = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
SATURDAY = 5
MAKE_UP = [day for day in EVERY_DAY if day.weekday() >= SATURDAY and chinese_calendar.is_workday(day)]


@cache
def ours() -> dict[date, Day]:
    calendar = WorkingCalendar(Calendar(country="CN"), "Asia/Shanghai")
    return {day.calendar_date: day for day in calendar.days()}


@pytest.mark.parametrize("day", MAKE_UP, ids=str)
def test_a_make_up_day_is_worked_and_has_working_time(day: date) -> None:
    assert ours()[day].is_working_day
    assert holidays.country_holidays("CN", years=day.year).is_working_day(day)


def test_there_are_make_up_days_in_each_of_these_years() -> None:
    assert {day.year for day in MAKE_UP} == set(range(FIRST.year, LAST.year + 1))
    assert len(MAKE_UP) == 33


def test_every_day_is_as_both_packages_have_it() -> None:
    public = holidays.country_holidays("CN", years=range(FIRST.year, LAST.year + 1))
    mine = [ours()[day].is_working_day for day in EVERY_DAY]
    assert mine == [chinese_calendar.is_workday(day) for day in EVERY_DAY]
    assert mine == [public.is_working_day(day) for day in EVERY_DAY]
