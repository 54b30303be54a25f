"""Looks at an export that nobody has mapped yet: how it is written and what its columns may be.

Reads the first rows of a CSV file; writes nothing. What it finds is a proposal for a person to check: it
guesses by the names of the columns and by what all their cells have in common. Cells are shown only of
columns with a few words, never of free text, so that nobody's telephone number ends in a profile.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice
from pathlib import Path

from contracts.personal_data import find
from gridrates.errors import InputError
from producers.csv_export.plan import ROUNDED_PATTERN
from producers.csv_export.reading import BLANKS, GUARD, Layout, candidate_encodings, open_export, read_head
from producers.csv_export.rows import has_bad_bytes
from producers.csv_export.workbook import is_workbook
from producers.time_formats import (
    days_spanned,
    find_formats,
    has_no_date,
    in_other_order,
    is_ambiguous,
    is_day_first,
    is_month_first,
    is_no_cases,
)

ROWS = 20_000
# A column with so few different words is a code whose words can be shown.
FEW_WORDS = 30
LONGEST_CODE = 80
# So many words at the most stand among times where there is none.
FEW_PLACEHOLDERS = 5
# Words that stand where there is nothing to say; blank ones too.
NOTHING = frozenset(
    (
        *("-", "--", "—", "——", "/", "\\", "\\N", "无", "暂无", "(空)", "(空白)", "(blank)"),
        *("NULL", "Null", "null", "(NULL)", "(null)", "<NULL>", "<null>", "N/A", "n/a", "NA", "#N/A"),
        *("None", "none", "NaN", "nan"),
    )
)
# A name that can only be the case's own: it may come again, where a case has several rows.
_CASE_ID = r"(case|request|ticket|incident|案件|工单|案卷|任务|事件).?(id|key|no|num|编号|单号|号|編號)"
_OTHER_CASE = re.compile(r"parent|duplicat|merged|related|previous|legacy|关联|重复|父", re.IGNORECASE)

# What a column may be, by its name: roles in the order in which they choose, each column once. Of several
# columns whose names fit, one that fits an earlier pattern is preferred.
ROLES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "deadline_at",
        (
            r"due|target|sla|deadline|expected|[ée]ch[ée]ance|l[ií]mite|fällig|frist|prazo|截止|[时時]限|期限|到期",
        ),
    ),
    (
        "closed",
        (
            r"clos|cl[ôo]tur|cierre|encerra|erledigt|办结|结案|完结|办理完成|辦結|結案|完了",
            r"complet|finish|resol",
        ),
    ),
    ("visited", (r"visit|survey|callback|回访",)),
    ("filed", (r"^filed|立案",)),
    ("dispatched", (r"dispatch|assign|派单|派遣|派发|转办|交办",)),
    ("signed", (r"sign|acknowledg|签收",)),
    (
        "reported",
        (r"open|creat|report|request|receiv|submit|上报|受理|来电|登记|创建|诉求|发生|提交|采集|上報|受付",),
    ),
    ("satisfaction", (r"satisf|满意|评价",)),
    (
        "id",
        (
            _CASE_ID,
            r"(^|[ _])(id|key|no|number|num)$|编号|单号|流水|案件号|編號|番号",
        ),
    ),
    ("status", (r"stat(us|ut|e)$|状态|狀態|进度",)),
    ("unit_code", (r"agency|department|dept|unit|owner|承办|部门|单位|承辦|單位",)),
    (
        "grid_code",
        (
            r"^(grid|neighbou?rhood|community|borough)([ _]?(code|id|name))?$|网格",
            r"neighbo|社区|居委|村|街道|所属",
            r"grid|borough|district|community|ward",
        ),
    ),
    ("channel", (r"source|channel|origin|method|来源|渠道|途径|方式",)),
    (
        "category_code",
        (
            r"(complaint|request|service|issue|problem|incident|sr)[ _]?(type|categ|class|name)|小类",
            r"type|category|reason|subject|class|类别|分类|大类|事项|类型|類別|分類",
        ),
    ),
    ("longitude", (r"^(lon|lng|long|longitude|经度)$",)),
    ("latitude", (r"^(lat|latitude|纬度)$",)),
)
TIME_ROLES = ("reported", "filed", "dispatched", "signed", "closed", "visited", "deadline_at")
# Degrees that a position can have, by role: a decimal comma is none.
_DEGREES = {"longitude": 180, "latitude": 90}
_DEGREE = re.compile(r"[-+]?[0-9]{1,3}(\.[0-9]+)?")
_NUMBER = re.compile("[0-9]+")
_ROUNDED = re.compile(ROUNDED_PATTERN)
_TIME_NAME = re.compile(r"time|date|_dt$|_at$|时间|日期|时刻", re.IGNORECASE)
# When a row was last touched is no step of a case.
_TOUCHED = re.compile(r"updat|modif|chang|dernier|last|更新|修改", re.IGNORECASE)
_PERSONAL = re.compile(
    r"name|phone|mobile|tel|e-?mail|address|caller|citizen|姓名|电话|手机|身份证|地址|住址|联系|诉求人|来电人",
    re.IGNORECASE,
)
# Names that are not a person's.
_NAME_OF_A_THING = re.compile(
    r"(service|agency|department|unit|categ\w*|type|class|district|neighbou?rhood|community|area)[ _]?name",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Column:
    """What the cells of a column have in common.

    `formats` read nearly all of them, or there are none; `is_ambiguous` says that day and month could stand
    in either order. `nothing` are words that stand for a blank cell; they do not count as filled.
    """

    name: str
    filled: int
    distinct: int
    words: Counter[str]
    formats: tuple[str, ...]
    is_ambiguous: bool
    nothing: frozenset[str] = frozenset()

    @property
    def is_unique(self) -> bool:
        """Whether no filled cell is there twice."""
        return self.filled == self.distinct > 0

    @property
    def is_nearly_unique(self) -> bool:
        """Whether only a few filled cells are there twice."""
        return self.filled > 0 and self.distinct * 10 >= self.filled * 9

    @property
    def is_few(self) -> bool:
        """Whether its words can be shown: few, short, and each used more than once."""
        return 0 < self.distinct <= FEW_WORDS < self.filled and max(map(len, self.words)) <= 40

    @property
    def is_code(self) -> bool:
        """Whether its cells are codes, not texts: short, and the same ones again and again."""
        is_repeated = self.distinct <= max(FEW_WORDS, self.filled // 5)
        return self.filled > 0 and is_repeated and max(map(len, self.words)) <= LONGEST_CODE

    @property
    def is_running(self) -> bool:
        """Whether it counts from 1 on, but for a few cells such as that of a total: as one that numbers the
        rows of the file does.
        """
        numbers = [word for word in self.words if _NUMBER.fullmatch(word)]
        is_counting = numbers == [str(n) for n in range(1, len(numbers) + 1)]
        return is_counting and len(numbers) * 10 >= self.filled * 9 > 0

    @property
    def is_rounded(self) -> bool:
        """Whether it holds numbers that a spreadsheet has rounded."""
        return any(_ROUNDED.fullmatch(word) for word in self.words)

    @property
    def can_name_cases(self) -> bool:
        """Whether its cells differ as ids of cases do; only one called so may have several rows a case."""
        if self.is_rounded or _OTHER_CASE.search(self.name):
            return False
        return self.is_nearly_unique or (_is_case_id(self.name) and self.distinct > FEW_WORDS)

    @property
    def is_called_time(self) -> bool:
        """Whether its name says that it is a time."""
        return bool(_TIME_NAME.search(self.name))

    @cached_property
    def may_be_personal(self) -> bool:
        """Whether its name says that it is about a person, or its codes hold telephone numbers and such."""
        if _PERSONAL.search(_NAME_OF_A_THING.sub("", self.name)):
            return True
        return self.is_code and any(find(word) for word in self.words)

    @property
    def is_touched(self) -> bool:
        """Whether its name says when a row was last changed."""
        return bool(_TOUCHED.search(self.name))


@dataclass(frozen=True)
class Inspection:
    """An export as far as it was looked at; `roles` says which column is what, as a guess."""

    path: Path
    layout: Layout
    rows: int
    columns: tuple[Column, ...]
    roles: dict[str, Column]


def inspect_export(path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> Inspection:
    """Look at the first rows of an export. Raises InputError when it is none."""
    head = read_head(path)
    if not is_workbook(head):
        encoding = encoding or next(iter(candidate_encodings(head)), None)
    with open_export(path, encoding=encoding, delimiter=delimiter) as export:
        rows = list(islice(chain.from_iterable(chunk.rows for chunk in export.chunks(ROWS)), ROWS))
        names = export.layout.names
    if time := next((name for name in names if find_formats([name], is_called_time=False)), None):
        raise InputError(
            f"{path} seems to have no header: its first row holds the time {time!r}.",
            remedy="Put a row with the names of the columns above the first one.",
        )
    columns = tuple(
        _column(name, [row[place] for row in rows if not has_bad_bytes(row[place])])
        for place, name in enumerate(names)
    )
    columns = _in_one_order(columns)
    return Inspection(path, export.layout, len(rows), columns, _roles(columns))


def _column(name: str, cells: Sequence[str]) -> Column:
    trimmed = [text for cell in cells if (text := re.sub(GUARD, r"\1", cell.strip(BLANKS)))]
    words = Counter(text for text in trimmed if text not in NOTHING)
    nothing = NOTHING.intersection(trimmed)
    # A line that repeats the header holds the name of the column.
    placeholders = {word for word in _repeated(words) if has_no_date(word) and word != name}
    if len(placeholders) > FEW_PLACEHOLDERS:
        placeholders = set()
    times = [word for word in words if word not in placeholders and word != name]
    formats = find_formats(times, is_called_time=bool(_TIME_NAME.search(name)))
    if formats:
        placeholders |= {word for word in _repeated(words) if is_no_cases(word, formats)}
        words = Counter({word: count for word, count in words.items() if word not in placeholders})
        nothing |= placeholders
    return Column(name, words.total(), len(words), words, formats, is_ambiguous(words, formats), nothing)


def _repeated(words: Counter[str]) -> list[str]:
    return [word for word, count in words.items() if count > 1]


def _in_one_order(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Columns that could be read day first or month first are read like one that tells; where none does, in
    the order in which their dates lie closer together.
    """
    unclear = [column for column in columns if column.is_ambiguous]
    told = [column.formats for column in columns if not column.is_ambiguous]
    day_first, month_first = any(map(is_day_first, told)), any(map(is_month_first, told))
    if day_first == month_first:
        spans = [_days_spanned(unclear, is_order) for is_order in (is_month_first, is_day_first)]
        is_wanted, is_still_unclear = is_month_first if spans[0] <= spans[1] else is_day_first, True
    else:
        is_wanted, is_still_unclear = is_day_first if day_first else is_month_first, False
    return tuple(
        replace(column, formats=_ordered(column, is_wanted), is_ambiguous=is_still_unclear)
        if column.is_ambiguous
        else column
        for column in columns
    )


def _ordered(column: Column, is_wanted: Callable[[Sequence[str]], bool]) -> tuple[str, ...]:
    return column.formats if is_wanted(column.formats) else in_other_order(column.formats)


def _days_spanned(columns: Sequence[Column], is_wanted: Callable[[Sequence[str]], bool]) -> int:
    return sum(days_spanned(column.words, _ordered(column, is_wanted)) for column in columns)


def _roles(columns: Sequence[Column]) -> dict[str, Column]:
    roles: dict[str, Column] = {}
    for role, patterns in ROLES:
        free = [c for c in columns if c not in roles.values() and _can_be(c, role)]
        named = [(place, c) for c in free if (place := _place(c.name, patterns)) is not None]
        if named:
            rank = _rank(role)
            roles[role] = max(named, key=lambda found: (-found[0], *rank(found[1])))[1]
    if "reported" not in roles:
        times = [c for c in columns if c.formats and c not in roles.values()]
        roles |= {"reported": times[0]} if times else {}
    if "id" not in roles:
        unique = [
            c
            for c in columns
            if c.is_unique and _can_be(c, "id") and not c.may_be_personal and not c.is_running
        ]
        roles |= {"id": unique[0]} if unique else {}
    if not roles.keys() >= _DEGREES.keys():
        roles = {role: column for role, column in roles.items() if role not in _DEGREES}
    return roles


def _is_case_id(name: str) -> bool:
    return re.search(_CASE_ID, name, re.IGNORECASE) is not None


def _place(name: str, patterns: Sequence[str]) -> int | None:
    """The place of the first pattern that is found in a name."""
    return next((n for n, pattern in enumerate(patterns) if re.search(pattern, name, re.IGNORECASE)), None)


def _rank(role: str) -> Callable[[Column], tuple[int, ...]]:
    """What speaks for a column: that it is filled; of an id, that none is there twice and that it does more
    than count; of a category, that it is the finer one.
    """
    if role == "id":
        return lambda c: (not c.is_running, c.is_unique, c.filled)
    if role == "category_code":
        return lambda c: (c.distinct,)
    return lambda c: (c.filled,)


def _can_be(column: Column, role: str) -> bool:
    if role in TIME_ROLES:
        return bool(column.formats) and not column.is_touched
    if role in _DEGREES:
        return _are_degrees(column.words, _DEGREES[role])
    if role == "id":
        return column.can_name_cases and not column.formats
    return not column.formats and not column.may_be_personal and column.is_code


def _are_degrees(words: Counter[str], most: int) -> bool:
    """Whether all words are numbers of degrees; a row with another one would be refused."""
    return bool(words) and all(_DEGREE.fullmatch(word) and abs(float(word)) <= most for word in words)
