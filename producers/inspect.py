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
from datetime import datetime
from itertools import islice
from pathlib import Path

from producers.csv_export.plan import ISO_PATTERN
from producers.csv_export.reading import BLANKS, Layout, candidate_encodings, open_export, read_head
from producers.csv_export.workbook import is_workbook
from producers.mapping import DEFAULT_FORMATS, EXCEL_FORMAT, ISO_FORMAT

ROWS = 20_000
# A column with so few different words is a code whose words can be shown.
FEW_WORDS = 30
LONGEST_CODE = 80
SAMPLES = 200
_CLOCKS = ("%I:%M:%S %p", "%I:%M %p", "%H:%M:%S", "%H:%M")
_DAY_FIRST = ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y")
_NAMED_MONTH = ("%d-%b-%Y", "%d %b %Y", "%b %d, %Y")
# Words that stand where there is nothing to say; blank ones too.
NOTHING = frozenset(
    ("-", "--", "—", "——", "/", "\\", "无", "暂无", "NULL", "null", "N/A", "n/a", "None", "NaN")
)
# Digits alone are a time only in a column that is called one.
_DIGITS_ONLY = ("%Y%m%d%H%M%S", "%Y%m%d", EXCEL_FORMAT)


def _with_clocks(dates: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{date} {clock}" for date in dates for clock in _CLOCKS) + tuple(dates)


DAY_FIRST, MONTH_FIRST = _with_clocks(_DAY_FIRST), _with_clocks(_MONTH_FIRST)
# The share of samples that no format may be able to read.
UNREADABLE = 0.05
YEAR_FIRST = _with_clocks(("%Y.%m.%d",))
CANDIDATES = (
    *DEFAULT_FORMATS,
    *YEAR_FIRST,
    *MONTH_FIRST,
    *DAY_FIRST,
    *_with_clocks(_NAMED_MONTH),
    *_DIGITS_ONLY,
)
_DAY_FIRST_ONLY = tuple(name for name in CANDIDATES if name not in (*MONTH_FIRST, *_DIGITS_ONLY))

# What a column may be, by its name: roles in the order in which they choose, each column once. Of several
# columns whose names fit, one that fits an earlier pattern is preferred.
ROLES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("deadline_at", (r"due|target|sla|deadline|expected|截止|时限|期限|到期",)),
    ("closed", (r"clos|办结|结案|完结|办理完成", r"complet|finish|resol")),
    ("visited", (r"visit|survey|callback|回访",)),
    ("filed", (r"^filed|立案",)),
    ("dispatched", (r"dispatch|assign|派单|派遣|派发|转办|交办",)),
    ("signed", (r"sign|acknowledg|签收",)),
    ("reported", (r"open|creat|report|request|receiv|submit|上报|受理|来电|登记|创建|诉求|发生|提交|采集",)),
    ("satisfaction", (r"satisf|满意|评价",)),
    (
        "id",
        (r"(^|[ _])(id|key|no|number|num)$|(case|request|ticket).?(id|no|num)|编号|单号|流水|案件号",),
    ),
    ("status", (r"stat(us|e)$|状态|进度",)),
    ("unit_code", (r"agency|department|dept|unit|owner|承办|部门|单位",)),
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
            r"type|category|reason|subject|class|类别|分类|大类|事项|类型",
        ),
    ),
    ("longitude", (r"^(lon|lng|long|longitude|经度)$",)),
    ("latitude", (r"^(lat|latitude|纬度)$",)),
)
TIME_ROLES = ("reported", "filed", "dispatched", "signed", "closed", "visited", "deadline_at")
# Degrees that a position can have, by role: a decimal comma is none.
_DEGREES = {"longitude": 180, "latitude": 90}
_DEGREE = re.compile(r"[-+]?[0-9]{1,3}(\.[0-9]+)?")
_TIME_NAME = re.compile(r"time|date|_dt$|_at$|时间|日期|时刻", re.IGNORECASE)
# When a row was last touched is no step of a case.
_TOUCHED = re.compile(r"updat|modif|chang|更新|修改", re.IGNORECASE)
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
    def may_be_personal(self) -> bool:
        """Whether its name says that it is about a person."""
        return bool(_PERSONAL.search(_NAME_OF_A_THING.sub("", self.name)))

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
        chunk = next(export.chunks(ROWS), None)
        rows = chunk.rows if chunk else []
        names = export.layout.names
    columns = tuple(_column(name, [row[place] for row in rows]) for place, name in enumerate(names))
    columns = _in_one_order(columns)
    return Inspection(path, export.layout, len(rows), columns, _roles(columns))


def _column(name: str, cells: Sequence[str]) -> Column:
    trimmed = [text for cell in cells if (text := cell.strip(BLANKS))]
    filled = [text for text in trimmed if text not in NOTHING]
    words = Counter(filled)
    candidates = CANDIDATES if _TIME_NAME.search(name) else CANDIDATES[: -len(_DIGITS_ONLY)]
    samples = list(islice(words, SAMPLES))
    formats = _covering(samples, candidates)
    is_ambiguous = bool(set(formats) & set(MONTH_FIRST)) and _covering(samples, _DAY_FIRST_ONLY) != ()
    nothing = NOTHING.intersection(trimmed)
    return Column(name, len(filled), len(words), words, formats, is_ambiguous, nothing)


def _in_one_order(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Where one column can only be read day first, those that could be read either way are so too."""
    if not any(set(column.formats) & set(DAY_FIRST) for column in columns):
        return tuple(columns)
    return tuple(
        replace(c, formats=_covering(list(islice(c.words, SAMPLES)), _DAY_FIRST_ONLY), is_ambiguous=False)
        if c.is_ambiguous
        else c
        for c in columns
    )


def _covering(samples: Sequence[str], candidates: Sequence[str]) -> tuple[str, ...]:
    """Formats, the one that reads most first, that together read nearly all samples; else none.

    Never both of an order of day and month and of the other.
    """
    left = list(samples)
    taken: list[str] = []
    while left:
        unread = {name: [text for text in left if not _fits(text, name)] for name in candidates}
        best = min(candidates, key=lambda name: len(unread[name]))
        if len(unread[best]) == len(left):
            break
        taken.append(best)
        left = unread[best]
        other = MONTH_FIRST if best in DAY_FIRST else DAY_FIRST if best in MONTH_FIRST else ()
        candidates = [name for name in candidates if name not in other]
    return tuple(taken) if len(left) <= UNREADABLE * len(samples) else ()


def _fits(text: str, name: str) -> bool:
    if name == ISO_FORMAT:
        return re.fullmatch(ISO_PATTERN, text) is not None
    if name == EXCEL_FORMAT:
        return re.fullmatch(r"[2-7][0-9]{4}(\.[0-9]+)?", text) is not None
    try:
        datetime.strptime(text, name)
    except ValueError:
        return False
    return True


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
        unique = [c for c in columns if c.is_unique and not c.formats and not c.may_be_personal]
        roles |= {"id": unique[0]} if unique else {}
    if not roles.keys() >= _DEGREES.keys():
        roles = {role: column for role, column in roles.items() if role not in _DEGREES}
    return roles


def _place(name: str, patterns: Sequence[str]) -> int | None:
    """The place of the first pattern that is found in a name."""
    return next((n for n, pattern in enumerate(patterns) if re.search(pattern, name, re.IGNORECASE)), None)


def _rank(role: str) -> Callable[[Column], tuple[int, ...]]:
    """What speaks for a column: that it is filled; of an id, that none is there twice; of a category, that it
    is the finer one.
    """
    if role == "id":
        return lambda c: (c.is_unique, c.filled)
    if role == "category_code":
        return lambda c: (c.distinct,)
    return lambda c: (c.filled,)


def _can_be(column: Column, role: str) -> bool:
    if role in TIME_ROLES:
        return bool(column.formats) and not column.is_touched
    if role in _DEGREES:
        return _are_degrees(column.words, _DEGREES[role])
    if role == "id":
        return column.is_nearly_unique and not column.formats
    return not column.formats and not column.may_be_personal and column.is_code


def _are_degrees(words: Counter[str], most: int) -> bool:
    """Whether all words are numbers of degrees; a row with another one would be refused."""
    return bool(words) and all(_DEGREE.fullmatch(word) and abs(float(word)) <= most for word in words)
