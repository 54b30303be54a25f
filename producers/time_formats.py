"""Finds the formats that the times of a column are written in, by trying them on its words.

Pure. Guarantees that what it finds reads nearly all of the words, as the import will read them, and that of
the two orders of day and month it never takes both.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial

from producers.csv_export.plan import ISO_PATTERN
from producers.mapping import (
    DEFAULT_FORMATS,
    DOTTED_HALF_DAY,
    EPOCH_FORMAT,
    EPOCH_MS_FORMAT,
    EXCEL_FORMAT,
    HALF_DAYS,
    ISO_FORMAT,
)

SAMPLES = 200
# The share of words that no format may be able to read.
UNREADABLE = 0.05
# Times outside these years stand where there is none: 1900-01-01, 1970-01-01, 2099-12-31, 9999-12-31.
FIRST_YEAR, LAST_YEAR = 1971, 2089
_CLOCKS = (
    *("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p"),
    *("%p %I:%M:%S", "%p%I:%M:%S", "%p %I:%M", "%p%I:%M"),
)


def _with_clocks(dates: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{date} {clock}" for date in dates for clock in _CLOCKS) + tuple(dates)


# Each month first has its day first; with dots, the day is always first.
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%m-%d-%y")
_DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d/%m/%y", "%d-%m-%y", "%d.%m.%Y", "%d.%m.%y")
_NAMED_MONTH = ("%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%b %d, %Y", "%b %d %Y", "%Y %b %d")
_LONG_MONTH = ("%d %B %Y", "%B %d, %Y", "%B %d %Y")
DAY_FIRST, MONTH_FIRST = _with_clocks(_DAY_FIRST), _with_clocks(_MONTH_FIRST)
_YEAR_FIRST = _with_clocks(("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日"))
_YEAR_FIRST += tuple(f"%Y年%m月%d日{clock}" for clock in _CLOCKS)
# Digits alone are a time only in a column that is called one.
_DIGITS_ONLY = ("%Y%m%d%H%M%S", "%Y%m%d", EXCEL_FORMAT, EPOCH_FORMAT, EPOCH_MS_FORMAT)
_OTHERS = tuple(
    dict.fromkeys(
        (
            *DEFAULT_FORMATS,
            *_YEAR_FIRST,
            *MONTH_FIRST,
            *DAY_FIRST,
            *_with_clocks(_NAMED_MONTH),
            *_with_clocks(_LONG_MONTH),
            "%Y%m%dT%H%M%S",
        )
    )
)
_SHAPES = {
    **dict.fromkeys(("%d", "%m", "%H", "%I", "%M", "%S"), "[0-9]{1,2}"),
    "%Y": "[0-9]{4}",
    "%y": "[0-9]{2}",
    "%b": "[A-Za-z]{3}",
    "%B": "[A-Za-z]{3,9}",
    "%f": "[0-9]+",
    "%p": f"(?:[AaPp][Mm]|{DOTTED_HALF_DAY}|{'|'.join(HALF_DAYS)})",
}
# Where nothing parts the digits, only their number tells.
_RUNS = {"%Y%m%d%H%M%S": "[0-9]{14}", "%Y%m%d": "[0-9]{8}", "%Y%m%dT%H%M%S": "[0-9]{8}T[0-9]{6}"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPREADSHEET_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)
# Digits alone, by format: how many a time of these years has, what one counts, and from when.
_COUNTS = {
    EXCEL_FORMAT: (r"[2-7][0-9]{4}(\.[0-9]+)?", timedelta(days=1), _SPREADSHEET_EPOCH),
    EPOCH_FORMAT: (r"[0-9]{9,10}(\.[0-9]+)?", timedelta(seconds=1), _EPOCH),
    EPOCH_MS_FORMAT: (r"[0-9]{12,13}", timedelta(milliseconds=1), _EPOCH),
}


def find_formats(words: Collection[str], *, is_called_time: bool) -> tuple[str, ...]:
    """Formats that together read nearly all words, in the order to try them in; else none.

    Where `is_called_time`, digits alone may be a time. Which of day and month is first is told by any word.
    """
    samples = _spread(words)
    formats = _covering(samples, (*_OTHERS, *_DIGITS_ONLY) if is_called_time else _OTHERS)
    options = [option for option in (formats, in_other_order(formats), _year_first(formats)) if option]
    if len(options) < 2:
        return formats
    unread = [_unread(words, option) for option in options]
    if min(unread) > UNREADABLE * len(words):
        return ()
    best = [option for option, count in zip(options, unread, strict=True) if count == min(unread)]
    return min(best, key=partial(days_spanned, words)) if _year_first(formats) in best else best[0]


def find_clock(words: Collection[str]) -> str | None:
    """The format of times of day without a date, if that is what all words are."""
    clocks = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
    fitting = (name for name in clocks if words and _unread(words, (name,)) == 0)
    return next(fitting, None)


def has_clock(formats: Iterable[str]) -> bool:
    """Whether one of them says more than the day."""
    return any(re.search("%[HI]", name) or name in _COUNTS or name == ISO_FORMAT for name in formats)


def is_ambiguous(words: Collection[str], formats: Sequence[str]) -> bool:
    """Whether day and month could stand in the other order as well: no word tells."""
    other = in_other_order(formats)
    return bool(other) and _unread(words, other) == _unread(words, formats)


def is_day_first(formats: Iterable[str]) -> bool:
    """Whether one of them has the day before the month, in digits."""
    return not set(formats).isdisjoint(DAY_FIRST)


def is_month_first(formats: Iterable[str]) -> bool:
    """Whether one of them has the month before the day, in digits."""
    return not set(formats).isdisjoint(MONTH_FIRST)


def in_other_order(formats: Sequence[str]) -> tuple[str, ...]:
    """The same formats with day and month in the other order, or nothing where that is no question."""
    swapped = tuple(_swapped(name) for name in formats)
    known = {*MONTH_FIRST, *DAY_FIRST}
    return swapped if swapped != tuple(formats) and known.issuperset(set(swapped) - set(formats)) else ()


def short_years_first(formats: Iterable[str]) -> list[str]:
    """The same formats, those with two digits of the year before the others, which would read `24` as the
    year 24.
    """
    return sorted(formats, key=lambda name: "%y" not in name)


def days_spanned(words: Iterable[str], formats: Sequence[str]) -> int:
    """Days between the first and the last of the times: dates that are taken apart wrongly lie scattered."""
    times = [time for word in words if (time := read(word, formats)) is not None]
    return (max(times) - min(times)).days if times else 0


def has_no_date(word: str) -> bool:
    """Whether no date can be in a word: `pending`, `0000-00-00`."""
    return not any(unicodedata.digit(character, 0) for character in word)


def is_no_cases(word: str, formats: Sequence[str]) -> bool:
    """Whether a word is a time that no case has, and so says that there is none."""
    time = read(word, formats)
    return time is not None and not FIRST_YEAR <= time.year <= LAST_YEAR


def read(word: str, formats: Iterable[str]) -> datetime | None:
    """The time that the first format which fits reads, its zone left out of account."""
    return next((time for name in formats if (time := _time(word, name)) is not None), None)


def _year_first(formats: Sequence[str]) -> tuple[str, ...]:
    """The same formats with two digits of the year first, or nothing where they have four."""
    turned = tuple(re.sub("%[dm](.)%[dm](.)%y", r"%y\1%m\2%d", name) for name in formats)
    return turned if turned != tuple(formats) else ()


def _swapped(name: str) -> str:
    if name not in MONTH_FIRST and name not in DAY_FIRST:
        return name
    return re.sub("%[dm]", lambda found: "%m" if found[0] == "%d" else "%d", name)


def _spread(words: Collection[str]) -> list[str]:
    """Some of the words, from all over the column: rows often stand in the order of their times."""
    return list(words)[:: max(1, len(words) // SAMPLES)]


def _covering(samples: Sequence[str], candidates: Sequence[str]) -> tuple[str, ...]:
    """Formats that together read nearly all samples, in the order to try them in; else none.

    Never both of an order of day and month and of the other.
    """
    left = list(samples)
    taken: list[str] = []
    while left:
        unread = {name: [text for text in left if _time(text, name) is None] for name in candidates}
        best = min(candidates, key=lambda name: len(unread[name]))
        if len(unread[best]) == len(left):
            break
        taken.append(best)
        left = unread[best]
        other = MONTH_FIRST if best in DAY_FIRST else DAY_FIRST if best in MONTH_FIRST else ()
        candidates = [name for name in candidates if name not in other]
    return tuple(short_years_first(taken)) if len(left) <= UNREADABLE * len(samples) else ()


def _unread(words: Iterable[str], formats: Sequence[str]) -> int:
    return sum(read(word, formats) is None for word in words)


def _time(text: str, name: str) -> datetime | None:
    if not _shape(name).fullmatch(text):
        return None
    try:
        if name in _COUNTS:
            _, unit, start = _COUNTS[name]
            return start + float(text) * unit
        if name == ISO_FORMAT:
            return datetime.fromisoformat(text[:10].replace("/", "-")).replace(tzinfo=UTC)
        return datetime.strptime(_plain(text, name), name).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _plain(text: str, name: str) -> str:
    """A text as `strptime` knows it: halves of the day in English, without dots; six decimals of a second."""
    if "%p" in name:
        text = re.sub(DOTTED_HALF_DAY, r"\1M", text)
        for word, english in HALF_DAYS.items():
            text = text.replace(word, english)
    return re.sub(r"(\.[0-9]{6})[0-9]+$", r"\1", text) if name.endswith(".%f") else text


@cache
def _shape(name: str) -> re.Pattern[str]:
    """What a text must look like to be tried: a test that costs little."""
    if name == ISO_FORMAT:
        return re.compile(ISO_PATTERN)
    if name in _COUNTS:
        return re.compile(_COUNTS[name][0])
    if name in _RUNS:
        return re.compile(_RUNS[name])
    parts = re.split("(%[A-Za-z])", name)
    return re.compile("".join(_SHAPES.get(part, re.escape(part)) for part in parts))
