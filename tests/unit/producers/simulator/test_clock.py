"""Working time, checked against the published vectors and against a clock that walks minute by minute."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridrates.errors import InputError
from gridrates.profile import Calendar, Session
from producers.simulator.clock import Clock, days, is_working

SHANGHAI = ZoneInfo("Asia/Shanghai")
CHINA = Clock(Calendar(), "Asia/Shanghai", date(2022, 1, 1), date(2026, 12, 31))


WORKED = {day: is_working(day, "CN") for day in days(date(2026, 1, 1), date(2026, 4, 30))}


def instants(*texts: str) -> np.ndarray:
    return np.array([int(datetime.fromisoformat(t).replace(tzinfo=SHANGHAI).timestamp()) for t in texts])


def local(instant: int) -> str:
    return datetime.fromtimestamp(int(instant), SHANGHAI).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("start", "amount", "unit", "deadline"),
    [
        ("2026-02-13 16:00", 4, "working_hour", "2026-02-14 10:00"),
        ("2026-02-14 17:00", 4, "working_hour", "2026-02-24 11:00"),
        ("2026-02-13 16:00", 1, "working_day", "2026-02-14 16:00"),
        ("2023-01-20 17:30", 1, "working_hour", "2023-01-28 08:30"),
        ("2023-09-28 19:00", 2, "working_hour", "2023-10-07 10:00"),
        ("2024-09-14 13:00", 4, "working_hour", "2024-09-14 18:00"),
        ("2022-04-02 17:00", 2, "working_hour", "2022-04-06 09:00"),
        ("2025-09-30 15:00", 1, "working_day", "2025-10-09 15:00"),
        ("2025-09-30 15:00", 1, "day", "2025-10-01 15:00"),
        ("2025-09-30 23:30", 45, "minute", "2025-10-01 00:15"),
    ],
)
def test_deadlines_skip_nights_holidays_and_keep_make_up_days(
    start: str, amount: float, unit: str, deadline: str
) -> None:
    seconds, is_working_time = CHINA.seconds(amount, unit)
    assert local(CHINA.add(instants(start), np.array([seconds]), is_working_time)[0]) == deadline


def walked(start: datetime, minutes: int) -> datetime:
    """The deadline by walking: a minute counts when it lies in a session of a working day."""
    at = start
    while minutes:
        if WORKED[at.date()] and (8 <= at.hour < 12 or 14 <= at.hour < 18):
            minutes -= 1
        at += timedelta(minutes=1)
    return at


@settings(max_examples=60, deadline=None)
@given(
    st.datetimes(datetime(2026, 1, 28), datetime(2026, 3, 3)).map(
        lambda t: t.replace(second=0, microsecond=0)
    ),
    st.integers(1, 1500),
)
def test_working_time_agrees_with_walking_minute_by_minute(start: datetime, minutes: int) -> None:
    begun = np.array([int(start.replace(tzinfo=SHANGHAI).timestamp())])
    assert local(CHINA.add(begun, np.array([minutes * 60]), True)[0]) == walked(start, minutes).strftime(
        "%Y-%m-%d %H:%M"
    )


def test_both_kinds_of_time_are_added_in_one_call() -> None:
    start = instants("2026-02-14 17:00", "2026-02-14 17:00")
    moved = CHINA.add(start, np.array([7200, 7200]), np.array([True, False]))
    assert [local(m) for m in moved] == ["2026-02-24 09:00", "2026-02-14 19:00"]


def test_time_always_passes() -> None:
    start = instants("2026-02-14 17:00")
    assert CHINA.add(start, np.array([0.0]), False)[0] == start[0] + 1


def test_sessions_of_a_season_count_only_in_its_months() -> None:
    seasons = Calendar(
        sessions=(
            Session(starts=time(9), ends=time(10), months=(1,)),
            Session(starts=time(15), ends=time(18), months=(2, 3)),
        )
    )
    clock = Clock(seasons, "Asia/Shanghai", date(2026, 1, 1), date(2026, 3, 31))
    moved = clock.add(instants("2026-01-30 09:30"), np.array([3600]), True)
    assert local(moved[0]) == "2026-02-02 15:30"


def test_work_goes_on_after_the_last_day() -> None:
    clock = Clock(Calendar(), "Asia/Shanghai", date(2026, 12, 1), date(2026, 12, 31))
    moved = clock.add(instants("2026-12-31 17:00"), np.array([7200]), True)
    assert local(moved[0]) == "2027-01-01 09:00"


def test_a_year_without_published_working_days_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"working days of 2031 are not published"):
        Clock(Calendar(), "Asia/Shanghai", date(2031, 1, 1), date(2031, 1, 2))


def test_another_country_has_its_own_holidays() -> None:
    assert not is_working(date(2026, 7, 3), "US")  # Independence Day, observed
    assert is_working(date(2026, 7, 2), "US")
    assert not is_working(date(2026, 7, 4), "US")


def test_a_day_keeps_the_offset_it_began_with() -> None:
    boston = Clock(Calendar(country="US"), "America/New_York", date(2026, 3, 7), date(2026, 3, 9))
    noons = np.array([boston.at(day, time(12)) for day in days(date(2026, 3, 7), date(2026, 3, 9))])
    assert (boston.offsets(noons) / 3600).tolist() == [-5, -5, -4]
    assert np.diff(boston.midnights).tolist() == [86_400, 82_800, 86_400]
