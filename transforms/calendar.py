"""Working time: which days are worked, and the clock that runs only then.

Reads a profile's calendar; writes nothing. Chinese working days come from `chinesecalendar`, which ends
with the last year whose make-up days are published: beyond it there is no calendar, and a deadline that
would fall there is an error, never a guess. Other countries' public holidays come from `holidays`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gridrates.errors import InputError
from gridrates.profile import Calendar, Session

# The years a zone is looked at (those the contract lets events have), and by when it must be steady.
OFFSETS_KNOWN_TO, OFFSETS_KNOWN_FROM = datetime(2200, 1, 1, tzinfo=UTC), 1970
STEADY_BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
OTHER_COUNTRIES_FROM, OTHER_COUNTRIES_TO = 2000, 2040
HOUR = 3_600_000_000
DAY = timedelta(days=1)


class Day(NamedTuple):
    """A calendar date, whether it is worked, and the public holiday it belongs to."""

    calendar_date: date
    is_working_day: bool
    holiday: str | None


class Tile(NamedTuple):
    """A stretch of time within one local date in which the working clock runs, or stands still.

    Times are UTC; `micros_before` is the working time from the calendar's start to `from_at`, in
    microseconds. A working tile lies within one hour of working time, `hour_no`; an idle tile has none.
    `day_micros` is how much working time makes one working day in that season.
    """

    calendar_date: date
    from_at: datetime
    to_at: datetime
    is_working: bool
    micros_before: int
    hour_no: int | None
    day_micros: int


class SteadyOffset(NamedTuple):
    """What a zone's clocks show beyond UTC, in microseconds, at every instant from `since` on."""

    since: datetime
    micros: int


@cache
def steady_offset(time_zone: str) -> SteadyOffset | None:
    """The offset a zone has kept from some day on and, as far as is known, keeps; None where clocks change.

    `since` is at most a week after the last change.
    """
    zone, week = ZoneInfo(time_zone), timedelta(days=7)
    since = OFFSETS_KNOWN_TO
    offset = since.astimezone(zone).utcoffset()
    assert offset is not None
    while since.year > OFFSETS_KNOWN_FROM and (since - week).astimezone(zone).utcoffset() == offset:
        since -= week
    return SteadyOffset(since, _micros(offset)) if since < STEADY_BEFORE else None


@dataclass(frozen=True)
class WorkingCalendar:
    """The days of a country and the clock of an office."""

    calendar: Calendar
    time_zone: str

    def years(self) -> tuple[int, int]:
        """First and last year for which working days are known."""
        if self.calendar.country != "CN":
            return OTHER_COUNTRIES_FROM, OTHER_COUNTRIES_TO
        from chinese_calendar.constants import holidays

        return min(holidays).year, max(holidays).year

    def days(self) -> Iterator[Day]:
        """Every date of the known years. Raises InputError for a country nobody knows."""
        first, last = self.years()
        day, end = date(first, 1, 1), date(last, 12, 31)
        judge = _chinese_day if self.calendar.country == "CN" else _day_of(self.calendar.country, first, last)
        while day <= end:
            yield judge(day)
            day += DAY

    def tiles(self) -> Iterator[Tile]:
        """The clock: tiles that follow one another without gap or overlap from first to last date."""
        zone, elapsed = ZoneInfo(self.time_zone), 0
        for day in self.days():
            sessions = [s for s in self.calendar.sessions if day.calendar_date.month in s.months]
            day_micros = sum(_length(s) for s in sessions)
            worked = sorted(sessions, key=lambda s: s.starts) if day.is_working_day else []
            for from_at, to_at, is_working in _stretches(day.calendar_date, worked, zone):
                for tile in _hours(day.calendar_date, from_at, to_at, is_working, elapsed, day_micros):
                    yield tile
                    elapsed += _micros(tile.to_at - tile.from_at) if is_working else 0


def _chinese_day(day: date) -> Day:
    import chinese_calendar

    is_holiday, name = chinese_calendar.get_holiday_detail(day)
    return Day(day, not is_holiday, name)


def _day_of(country: str, first: int, last: int):  # type: ignore[no-untyped-def]
    import holidays

    try:
        public = holidays.country_holidays(country, years=range(first, last + 1))
    except NotImplementedError as error:
        raise InputError(
            f"The calendar's country {country!r} is not known.",
            remedy="Use an ISO 3166 code that the `holidays` package lists, such as CN, US or DE.",
        ) from error
    return lambda day: Day(day, day.weekday() < 5 and day not in public, public.get(day))


def _length(session: Session) -> int:
    return _micros(datetime.combine(date.min, session.ends) - datetime.combine(date.min, session.starts))


def _micros(length: timedelta) -> int:
    return length // timedelta(microseconds=1)


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def _stretches(
    day: date, sessions: list[Session], zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime, bool]]:
    """The whole date in order: idle, session, idle, session, …, idle; empty stretches left out."""
    at, midnight = _instant(day, time(0), zone), _instant(day + DAY, time(0), zone)
    for session in sessions:
        starts, ends = _instant(day, session.starts, zone), _instant(day, session.ends, zone)
        if at < starts:
            yield at, starts, False
        yield max(at, starts), ends, True
        at = ends
    if at < midnight:
        yield at, midnight, False


def _hours(
    day: date, from_at: datetime, to_at: datetime, is_working: bool, elapsed: int, day_micros: int
) -> Iterator[Tile]:
    """A working stretch cut where the working clock strikes the hour; an idle one whole."""
    if not is_working:
        yield Tile(day, from_at, to_at, False, elapsed, None, day_micros)
        return
    while from_at < to_at:
        hour_no = elapsed // HOUR
        until = min(to_at, from_at + timedelta(microseconds=(hour_no + 1) * HOUR - elapsed))
        yield Tile(day, from_at, until, True, elapsed, hour_no, day_micros)
        elapsed += _micros(until - from_at)
        from_at = until
