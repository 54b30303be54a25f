"""The Excel bulletin (通报): counts as published, rates as formulas over them.

Takes `Facts`; writes an .xlsx file. Every rate is a formula where a reader would check it, and carries the
published value besides, so that viewers which do not calculate show the same. Counts are never computed here,
except the sums in the last row of a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from reports.facts import Facts, Row
from reports.words import amount, bulletin_title, level_words

NO_RATE = "—"
LISTS = {"red": "红榜", "yellow": "黄榜", "black": "黑榜"}
# What offices print with: a heavy face for headings, Song for the rest.
HEADING, BODY = "黑体", "宋体"
FLOW = (
    "reported_count",
    "self_disposed_count",
    "filed_count",
    "dispatched_count",
    "handled_count",
    "closed_count",
)
OPEN = ("open_count", "overdue_open_count", "age_3_days_count", "age_7_days_count", "age_30_days_count")


@dataclass(frozen=True)
class Column:
    """A column of a table: a count by its name, a rate by its code, or the growth of a count."""

    title: str
    name: str
    kind: str = "count"


def _count(title: str, name: str) -> Column:
    return Column(title, name)


def _rate(title: str, code: str) -> Column:
    return Column(title, code, "rate")


def _growth(title: str, name: str) -> Column:
    return Column(title, name, "growth")


CLOSURE = (
    _count("应结案数", "closure_due_count"),
    _count("结案数", "closure_done_count"),
    _rate("结案率", "closure_rate"),
    _count("按期结案数", "closure_on_time_count"),
    _rate("按期结案率", "closure_on_time_rate"),
)
CHANNELS = (
    _count("上报数", "reported_count"),
    _growth("环比", "reported_count"),
    _count("立案数", "filed_count"),
    *CLOSURE,
)
GRIDS = (
    _count("上报数", "reported_count"),
    _growth("环比", "reported_count"),
    _count("自处置数", "self_disposed_count"),
    _count("立案数", "filed_count"),
    *CLOSURE,
    _count("满意度得分", "satisfaction_points_sum"),
    _count("有效评价数", "satisfaction_due_count"),
    _rate("满意率", "satisfaction_rate"),
)
UNITS = (
    _count("立案数", "filed_count"),
    _count("应签收数", "sign_due_count"),
    _count("已签收数", "sign_done_count"),
    _rate("签收率", "sign_rate"),
    *CLOSURE,
    _count("退回任务数", "returned_count"),
)
CATEGORIES = (_count("上报数", "reported_count"), _count("立案数", "filed_count"), *CLOSURE)
# Of a part of the grid tree, units, categories and channels have counts only.
COUNTS_ONLY = (
    _count("上报数", "reported_count"),
    _count("立案数", "filed_count"),
    _count("结案数", "closed_count"),
)


class Book:
    """The workbook under construction, with its formats."""

    def __init__(self, path: Path, facts: Facts) -> None:
        self.facts = facts
        # Names and codes come from events and registers: none of them is a formula or a link.
        plain = {"strings_to_formulas": False, "strings_to_urls": False}
        self.book = xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd"} | plain)
        self.book.set_properties(
            {
                "title": _title(facts),
                "subject": facts.scope.title_zh,
                "comments": f"第 {facts.made.generation} 代",
            }
        )
        self.formats = {
            name: self.book.add_format({"font_name": BODY, "font_size": 11, "valign": "vcenter"} | options)
            for name, options in FORMATS.items()
        }

    def sheet(self, name: str, widths: Sequence[float], *, heading: str, landscape: bool = False) -> Sheet:
        """A new sheet with its heading."""
        return Sheet(self, self.book.add_worksheet(name), widths, heading, landscape)


FORMATS: dict[str, dict[str, Any]] = {
    "title": {"font_name": HEADING, "font_size": 18, "align": "center"},
    "subtitle": {"align": "center"},
    "section": {"font_name": HEADING, "font_size": 13},
    "note": {"font_size": 10, "font_color": "#56616E"},
    "wrapped": {"font_size": 10, "text_wrap": True, "valign": "top"},
    "head": {"font_name": HEADING, "align": "center", "text_wrap": True, "border": 1, "bg_color": "#E8EEF4"},
    "name": {"border": 1},
    "text": {"border": 1, "align": "center"},
    "count": {"border": 1, "num_format": "#,##0"},
    "points": {"border": 1, "num_format": "#,##0.0"},
    "rate": {"border": 1, "num_format": "0.0%", "align": "right"},
    "growth": {"border": 1, "num_format": "+0.0%;-0.0%;0.0%", "align": "right"},
    "change": {"border": 1, "num_format": "+0.0;-0.0;0.0", "align": "right"},
    "sum_name": {"border": 1, "bold": True},
    "sum_count": {"border": 1, "bold": True, "num_format": "#,##0"},
    "sum_points": {"border": 1, "bold": True, "num_format": "#,##0.0"},
    "sum_rate": {"border": 1, "bold": True, "num_format": "0.0%", "align": "right"},
    "sum_growth": {"border": 1, "bold": True, "num_format": "+0.0%;-0.0%;0.0%", "align": "right"},
}


class Sheet:
    """A sheet that is written from the top down."""

    def __init__(
        self, book: Book, sheet: Worksheet, widths: Sequence[float], heading: str, landscape: bool
    ) -> None:
        self.book, self.sheet, self.row = book, sheet, 0
        self.last = xl_col_to_name(len(widths) - 1)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.set_default_row(18)
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.6)
        sheet.set_footer("&C&P/&N")
        if landscape:
            sheet.set_landscape()
        self.merged(heading, "title", height=30)
        self.merged(f"（{book.facts.scope.title_zh}）", "subtitle")

    def merged(self, text: str, format_: str, *, height: float = 18) -> None:
        """A line across the sheet."""
        self.sheet.set_row(self.row, height)
        area = f"A{self.row + 1}:{self.last}{self.row + 1}"
        self.sheet.merge_range(area, text, self.book.formats[format_])
        self.row += 1

    def line(self, text: str, format_: str) -> None:
        """A line that begins in the first column."""
        self.sheet.write(self.row, 0, text, self.book.formats[format_])
        self.row += 1

    def cells(self, values: Sequence[tuple[Any, str]]) -> None:
        """A row of values with their formats; a formula is a pair of itself and its value."""
        for column, (value, name) in enumerate(values):
            format_ = self.book.formats[name]
            if isinstance(value, tuple):
                self.sheet.write_formula(self.row, column, value[0], format_, value[1])
            elif value is None:
                self.sheet.write(self.row, column, NO_RATE, format_)
            else:
                self.sheet.write(self.row, column, value, format_)
        self.row += 1

    def head(self, titles: Sequence[str]) -> None:
        """The head of a table."""
        self.sheet.set_row(self.row, 32)
        self.cells([(title, "head") for title in titles])


def write(path: Path, facts: Facts) -> None:
    """Write the workbook to `path`, replacing what is there."""
    book = Book(path, facts)
    _bulletin(book)
    if facts.children:
        _subjects(book, "网格", "网格", facts.children, GRIDS, with_sum=True)
    kinds = (("承办单位", "unit", UNITS), ("类别", "category", CATEGORIES))
    for title, kind, columns in kinds:
        if rows := facts.subjects[kind]:
            shown = columns if facts.is_total else COUNTS_ONLY
            _subjects(book, title, title, rows, shown, with_sum=kind == "category")
    if facts.rankings or facts.score_rankings:
        _rankings(book)
    _definitions(book)
    book.book.close()


def _bulletin(book: Book) -> None:
    facts = book.facts
    sheet = book.sheet("通报", (18, *[10.5] * 8), heading=_title(facts))
    sheet.merged(_made(facts), "subtitle")
    for notice in _notices(facts):
        sheet.merged(notice, "note")
    sheet.row += 1
    sheet.line("一、核心指标", "section")
    _headline(sheet)
    sheet.row += 1
    sheet.line("二、案件流量（各按自身日期统计）", "section")
    _flow(sheet)
    sheet.row += 1
    sheet.line("三、来源渠道", "section")
    _table(
        sheet, "渠道", facts.subjects["channel"], CHANNELS if facts.is_total else COUNTS_ONLY, with_sum=True
    )
    sheet.row += 1
    sheet.line("四、在办案件（积案）", "section")
    _open_cases(sheet)


def _headline(sheet: Sheet) -> None:
    """The headline rates: numerator over denominator, and the change to the scope before."""
    facts = sheet.book.facts
    sheet.head(["指标", "分子", "分母", "比率", "上期分子", "上期分母", "上期比率", "变化\n（百分点）"])
    for indicator in facts.headline:
        now, before = facts.now.figure(indicator), facts.before.figure(indicator)
        at = sheet.row + 1
        points = None if now.rate is None or before.rate is None else (now.rate - before.rate) * 100
        change = f'=IF(OR(C{at}=0,F{at}=0),"{NO_RATE}",(D{at}-G{at})*100)'
        sheet.cells(
            [
                (indicator.name_zh, "name"),
                (now.numerator, _amount_format(now.numerator)),
                (now.denominator, "count"),
                (_ratio("B", "C", at, now.rate), "rate"),
                (before.numerator, _amount_format(before.numerator)),
                (before.denominator, "count"),
                (_ratio("E", "F", at, before.rate), "rate"),
                ((change, NO_RATE if points is None else points), "change"),
            ]
        )


def _flow(sheet: Sheet) -> None:
    facts = sheet.book.facts
    sheet.head(["项目", "本期", "上期", "环比"])
    for name in FLOW:
        now, before = facts.now.count(name), facts.before.count(name)
        at = sheet.row + 1
        sheet.cells(
            [
                (facts.labels[name][0], "name"),
                (now, "count"),
                (before, "count"),
                (_growth_of("B", "C", at, now, before), "growth"),
            ]
        )


def _open_cases(sheet: Sheet) -> None:
    facts = sheet.book.facts
    sheet.head(["网格", "在办", "其中超期", "立案3日内", "7日内", "30日内", "30日以上"])
    for number, row in enumerate(facts.open_cases):
        columns = (*OPEN, "age_over_30_days_count")
        name = "合计" if number == 0 and facts.is_total else row.subject.name_zh
        style = "sum_" if number == 0 else ""
        sheet.cells([(name, f"{style}name"), *((row.count(column), f"{style}count") for column in columns)])


def _subjects(
    book: Book, name: str, title: str, rows: Sequence[Row], columns: Sequence[Column], *, with_sum: bool
) -> None:
    widths = (22, *[10.5] * len(columns))
    sheet = book.sheet(name, widths, heading=f"{_subject(book.facts)}{title}情况", landscape=len(columns) > 8)
    sheet.row += 1
    sheet.sheet.freeze_panes(sheet.row + 1, 1)
    sheet.sheet.repeat_rows(sheet.row)
    _table(sheet, title, rows, columns, with_sum=with_sum)


def _table(
    sheet: Sheet, title: str, rows: Sequence[Row], columns: Sequence[Column], *, with_sum: bool
) -> None:
    """A table of subjects, with a row of sums where every case is in exactly one of them."""
    sheet.head([title, *(column.title for column in columns)])
    first = sheet.row + 1
    for row in rows:
        sheet.cells([(row.subject.name_zh, "name"), *_cells(sheet, row, columns)])
    if with_sum and rows:
        sums = [_sum(sheet, column, rows, columns, first) for column in columns]
        sheet.cells([("合计", "sum_name"), *sums])


def _cells(sheet: Sheet, row: Row, columns: Sequence[Column]) -> list[tuple[Any, str]]:
    return [_cell(sheet, row, column, columns) for column in columns]


def _cell(sheet: Sheet, row: Row, column: Column, columns: Sequence[Column]) -> tuple[Any, str]:
    facts, at = sheet.book.facts, sheet.row + 1
    if column.kind == "rate":
        indicator = facts.indicators[column.name]
        top, bottom = _letter(indicator.numerator, columns), _letter(indicator.denominator, columns)
        return _ratio(top, bottom, at, row.figure(indicator).rate), "rate"
    if column.kind == "growth":
        before = facts.subjects_before.get(row.subject)
        known = before.count(column.name) if before else 0
        return (row.count(column.name) / known - 1 if known else None), "growth"
    value = row.counts.get(column.name) or 0
    return value, _amount_format(value)


def _sum(
    sheet: Sheet, column: Column, rows: Sequence[Row], columns: Sequence[Column], first: int
) -> tuple[Any, str]:
    facts, at = sheet.book.facts, sheet.row + 1
    if column.kind == "rate":
        indicator = facts.indicators[column.name]
        top, bottom = _letter(indicator.numerator, columns), _letter(indicator.denominator, columns)
        totals = [
            sum(row.counts.get(name) or 0 for row in rows)
            for name in (indicator.numerator, indicator.denominator)
        ]
        return _ratio(top, bottom, at, totals[0] / totals[1] if totals[1] else None), "sum_rate"
    if column.kind == "growth":
        now, before = facts.now.count(column.name), facts.before.count(column.name)
        return (now / before - 1 if before else None), "sum_growth"
    letter = xl_col_to_name(columns.index(column) + 1)
    total = sum(row.counts.get(column.name) or 0 for row in rows)
    return (f"=SUM({letter}{first}:{letter}{at - 1})", total), f"sum_{_amount_format(total)}"


def _rankings(book: Book) -> None:
    sheet = book.sheet("排名", (24, 10, 10, 10, 10), heading=f"{_subject(book.facts)}排名")
    shown: tuple[str, str] | None = None
    for rank in book.facts.rankings:
        if (rank.composite, rank.subject.level) != shown:
            shown = rank.composite, rank.subject.level
            sheet.row += 1
            sheet.line(f"{rank.name_zh} · {level_words(rank.subject.level)[0]}", "section")
            sheet.head(["对象", "名次", "得分", "等级", "榜单"])
        sheet.cells(
            [
                (rank.subject.name_zh, "name"),
                (rank.rank_no, "count"),
                (rank.score, "points"),
                (rank.grade or "", "text"),
                (LISTS.get(rank.list_colour or "", ""), "text"),
            ]
        )
    _score_rankings(sheet)


def _score_rankings(sheet: Sheet) -> None:
    shown: tuple[str, str] | None = None
    for rank in sheet.book.facts.score_rankings:
        if (rank.activity_kind, rank.subject.level) != shown:
            shown = rank.activity_kind, rank.subject.level
            sheet.row += 1
            sheet.line(f"{rank.name_zh} · {level_words(rank.subject.level)[0]}", "section")
            sheet.line(
                f"红榜 {amount(rank.red_from)} 分起，黄榜 {amount(rank.yellow_below)} 分以下，"
                f"黑榜 {amount(rank.black_below)} 分以下",
                "note",
            )
            sheet.head(["对象", "名次", "平均得分", "评分次数", "榜单"])
        sheet.cells(
            [
                (rank.subject.name_zh, "name"),
                (rank.rank_no, "count"),
                (rank.score, "points"),
                (rank.scored_count, "count"),
                (LISTS.get(rank.list_colour or "", ""), "text"),
            ]
        )


def _definitions(book: Book) -> None:
    facts = book.facts
    sheet = book.sheet("口径说明", (16, 34, 44, 44), heading="指标口径说明")
    sheet.row += 1
    sheet.head(["指标", "计算公式", "统计口径", "来源"])
    wanted = dict.fromkeys([*(i.indicator_code for i in facts.headline), "visit_coverage_rate"])
    for indicator in (facts.indicators[code] for code in wanted):
        sheet.sheet.set_row(sheet.row, 48)
        formula = f"{indicator.numerator_zh} ÷ {indicator.denominator_zh}"
        texts = (indicator.name_zh, formula, indicator.basis_zh, indicator.source)
        sheet.cells([(text, "wrapped") for text in texts])
    sheet.row += 1
    for text in (
        *(f"口径约定：{zh}。" for zh, _ in facts.conventions),
        "“—”表示无应办件，不计算比率。",
        "各期比率均由案件重新计算，不由每日比率相加或平均。",
        _made(facts),
    ):
        sheet.line(text, "note")


def _ratio(top: str, bottom: str, at: int, rate: float | None) -> tuple[str, Any]:
    return f'=IF({bottom}{at}=0,"{NO_RATE}",{top}{at}/{bottom}{at})', NO_RATE if rate is None else rate


def _growth_of(now: str, before: str, at: int, value: int, earlier: int) -> tuple[str, Any]:
    known = value / earlier - 1 if earlier else NO_RATE
    return f'=IF({before}{at}=0,"{NO_RATE}",{now}{at}/{before}{at}-1)', known


def _letter(name: str, columns: Sequence[Column]) -> str:
    """The sheet's column of a count; the first one holds the names."""
    place = next(n for n, c in enumerate(columns, start=1) if (c.name, c.kind) == (name, "count"))
    return str(xl_col_to_name(place))


def _amount_format(value: float) -> str:
    return "count" if value == int(value) else "points"


def _subject(facts: Facts) -> str:
    return facts.street.name_zh if facts.is_total else facts.node.name_zh


def _title(facts: Facts) -> str:
    return bulletin_title(_subject(facts))


def _made(facts: Facts) -> str:
    at = facts.made.published_at.astimezone(ZoneInfo(facts.made.time_zone))
    return f"数据：第 {facts.made.generation} 代，{at:%Y-%m-%d %H:%M} 发布；业务范围：{facts.work_type[0]}"


def _notices(facts: Facts) -> list[str]:
    found = []
    if facts.quality.is_provisional:
        found.append("暂定数据：该时段尚未结束。")
    if facts.quality.held_back:
        days = "、".join(str(each["business_date"]) for each in facts.quality.held_back)
        found.append(f"以下业务日期的新数据未通过检查，仍为此前发布的数据：{days}。")
    return found
