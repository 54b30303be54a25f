"""Time in bulk: local days and hours, and working time that runs only inside sessions.

Instants are seconds since 1970 (int64 arrays). Reads the profile's calendar; working days come from the
published calendar of its country. Guarantees: a year without a published calendar is an InputError.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridrates.errors import InputError
from gridrates.profile import Calendar

Array = npt.NDArray[Any]
Instants = npt.NDArray[np.int64]

DAY = timedelta(days=1)
AFTERWARDS = timedelta(days=400)


def days(first: date, last: date) -> list[date]:
    """The days from `first` to `last`, both included."""
    return [first + n * DAY for n in range((last - first).days + 1)]


def is_working(day: date, country: str) -> bool:
    """Whether `day` is worked in `country`. Raises InputError for a year not yet published."""
    if country == "CN":
        import chinese_calendar

        try:
            return bool(chinese_calendar.is_workday(day))
        except NotImplementedError as error:
            raise InputError(
                f"The working days of {day.year} are not published for CN.",
                remedy="Choose a period inside the published years, or update chinesecalendar.",
            ) from error
    import holidays

    return bool(holidays.country_holidays(country, years=day.year).is_working_day(day))


def offset_text(seconds: int) -> str:
    """An offset from UTC as RFC 3339 writes it."""
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{'-' if seconds < 0 else '+'}{hours:02d}:{minutes:02d}"


class Clock:
    """Local time and working time of one profile from `first` to `last` (days, both included).

    Work goes on after `last`: there, where no event is made any more, every weekday counts as worked.
    """

    def __init__(self, calendar: Calendar, time_zone: str, first: date, last: date) -> None:
        self.zone = ZoneInfo(time_zone)
        self.days = days(first, last)
        self.midnights = np.array([self.at(day) for day in [*self.days, last + DAY]], dtype=np.int64)
        self._offsets = np.array([self._offset(day) for day in self.days], dtype=np.int64)
        self.working_days = np.array([is_working(day, calendar.country) for day in self.days])
        worked = [day for day, works in zip(self.days, self.working_days, strict=True) if works]
        worked += [day for day in days(last + DAY, last + AFTERWARDS) if day.weekday() < 5]
        sessions = [(day, s) for day in worked for s in calendar.sessions if day.month in s.months]
        sessions.sort(key=lambda one: (one[0], one[1].starts))
        self._starts = np.array([self.at(day, s.starts) for day, s in sessions], dtype=np.int64)
        self._ends = np.array([self.at(day, s.ends) for day, s in sessions], dtype=np.int64)
        lengths = self._ends - self._starts
        self._worked_before = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        self.working_day_seconds = int(lengths.sum() / max(len(worked), 1))

    def at(self, day: date, moment: time = time(0)) -> int:
        """The instant of a local time."""
        return int(datetime.combine(day, moment, self.zone).timestamp())

    def day_index(self, at: Instants) -> Instants:
        """Days since the clock's first day."""
        return np.searchsorted(self.midnights, at, "right").astype(np.int64) - 1

    def offsets(self, at: Instants) -> Instants:
        """Seconds local time is ahead of UTC; a day keeps the offset it began with."""
        return self._offsets[np.clip(self.day_index(at), 0, len(self._offsets) - 1)]

    def texts(self, at: Instants) -> list[str]:
        """Instants as RFC 3339 text, with the offset of the local day they fall in."""
        offsets = self.offsets(at)
        texts = {seconds: offset_text(seconds) for seconds in np.unique(offsets).tolist()}
        local = np.datetime_as_string((at + offsets).astype("datetime64[s]")).tolist()
        return [text + texts[seconds] for text, seconds in zip(local, offsets.tolist(), strict=True)]

    def seconds(self, amount: float, unit: str) -> tuple[float, bool]:
        """A limit as seconds, and whether they count only inside sessions."""
        sizes = {"minute": 60, "hour": 3600, "day": 86_400, "working_hour": 3600}
        return amount * sizes.get(unit, self.working_day_seconds), unit.startswith("working")

    def add(self, start: Instants, seconds: Array, working: Array | bool) -> Instants:
        """`start` plus `seconds`, of working time where `working`. At least a second passes."""
        seconds = np.maximum(seconds, 1).astype(np.int64)
        if np.ndim(working) == 0:
            return self._add_worked(start, seconds) if working else start + seconds
        return np.where(working, self._add_worked(start, seconds), start + seconds)

    def _offset(self, day: date) -> int:
        offset = datetime.combine(day, time(0), self.zone).utcoffset()
        return int(offset.total_seconds()) if offset else 0

    def _add_worked(self, start: Instants, seconds: Instants) -> Instants:
        session = np.maximum(np.searchsorted(self._starts, start, "right") - 1, 0)
        into = np.clip(start, self._starts[session], self._ends[session]) - self._starts[session]
        worked = self._worked_before[session] + into + seconds
        # "left": the last second of a session belongs to it, not to the start of the next one.
        session = np.searchsorted(self._worked_before, worked, "left") - 1
        return np.asarray(self._starts[session] + worked - self._worked_before[session])
