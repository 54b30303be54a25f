"""Reports say what is published: the numbers of the text, the workbook's cells, the page's figures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import openpyxl
import pytest

from gridrates.errors import InputError
from gridrates.published_client import open_published
from gridrates.published_rates import ALL_WORK
from reports import bulletin, page, workbook
from reports.facts import Facts, gather
from reports.scope import parse
from reports.words import amount, percent
from tests.six_weeks import six_weeks

QUESTIONS = [
    ("2026-01-20", None, "all"),
    ("2026-01-21", None, "all"),
    ("2026-01", None, "all"),
    ("2026-W03", None, "dispute"),
    ("2026-01", "东泰宜游网格", "all"),
    ("2026-01-21", "香樟居民区", "grid_case"),
    ("2026-Q1", None, "all"),
    ("2025-12", None, "all"),
]


@pytest.fixture(scope="module")
def published() -> Iterator[duckdb.DuckDBPyConnection]:
    with open_published(six_weeks().settings) as connection:
        yield connection


@pytest.fixture(scope="module")
def month(published) -> Facts:
    return gather(published, parse("2026-01"))


def one(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    rows = connection.execute(sql).fetchall()
    assert len(rows) <= 1
    return rows[0][0] if rows else None


# The text


@pytest.mark.parametrize(("scope", "node", "work_type"), QUESTIONS)
def test_every_number_of_the_text_is_what_its_query_gives(published, scope, node, work_type) -> None:
    text = bulletin.render(gather(published, parse(scope), node=node, work_type=work_type), work_type)
    queries = dict(re.findall(r"^\[\^(\d+)\]: `(.*)`$", text, re.M))
    quoted = re.findall(r"([\d.,]*\d%?|—)\[\^(\d+)\]", text.partition("\n[^1]:")[0])
    assert len(quoted) > 30
    assert {number for _, number in quoted} == set(queries)
    for written, number in quoted:
        value = one(published, queries[number])
        if written.endswith("%") or written == "—":
            assert percent(value) == written, queries[number]
        else:
            assert written in (amount(value or 0), f"{value or 0:.1f}"), queries[number]


def test_no_number_of_the_text_is_without_a_query(month) -> None:
    prose = bulletin.render(month).partition("---\n\n数据 Figures")[0]
    for title in (month.scope.title_zh, month.scope.title_en):
        prose = prose.replace(title, "")
    bare = re.findall(r"(?<![\d^])\d[\d,.]*%?(?!\[\^|[\d,.%\]])", prose)
    assert [number for number in bare if number != "30"] == []


def test_the_text_tells_the_best_and_the_worst(month) -> None:
    on_time = month.indicators["closure_on_time_rate"]
    judged = {row.subject.name_zh: row.figure(on_time) for row in month.children}
    rates = {name: figure.rate for name, figure in judged.items() if figure.denominator >= bulletin.LEAST_DUE}
    text = bulletin.render(month)
    assert f"最高的是{max(rates, key=rates.get)}" in text
    assert f"最低的是{min(rates, key=rates.get)}" in text


def test_the_text_tells_what_is_not_as_it_should_be(published) -> None:
    text = bulletin.render(gather(published, parse("2026-01")))
    assert re.search(r"有 1\[\^\d+\] 个业务日期的新数据未通过检查", text)
    assert re.search(r"\d+\[\^\d+\] 项核心指标在发布后因迟到事件更正", text)
    assert "暂定数据" not in text


def test_a_time_that_is_not_over_is_provisional(published) -> None:
    today = gather(published, parse(f"{datetime.now(ZoneInfo('Asia/Shanghai')):%Y-%m-%d}"))
    assert today.quality.is_provisional
    assert bulletin.render(today).count("rovisional") == 1
    assert "暂定数据" in page.render(today)


def test_without_visits_the_text_claims_no_satisfaction(published) -> None:
    text = bulletin.render(gather(published, parse("2025-12")))
    assert "无有效评价" in text
    assert "Satisfaction was" not in text


# The workbook


def sheets(facts: Facts, path: Path) -> openpyxl.Workbook:
    workbook.write(path, facts)
    return openpyxl.load_workbook(path, data_only=True)


def table(sheet: Any, head: str) -> list[dict[str, Any]]:
    """The rows below the head whose first cell is `head`, down to the first empty line."""
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    start = next(n for n, row in enumerate(rows) if row[0] == head)
    names = [name for name in rows[start] if name]
    found = []
    for row in rows[start + 1 :]:
        if row[0] is None:
            break
        found.append(dict(zip(names, row, strict=False)))
    return found


def test_the_workbook_holds_the_published_figures(published, month, tmp_path) -> None:
    book = sheets(month, tmp_path / "t.xlsx")
    assert book.sheetnames == ["通报", "网格", "承办单位", "类别", "排名", "口径说明"]
    where = "period_type = 'month' AND period_start = DATE '2026-01-01' AND work_type = 'all'"
    for row, indicator in zip(table(book["通报"], "指标"), month.headline, strict=True):
        columns = f"{indicator.numerator}, {indicator.denominator}, {indicator.indicator_code}"
        sql = f"SELECT {columns} FROM period_rates WHERE {where} AND level = 'total'"
        assert (row["分子"], row["分母"], row["比率"]) == pytest.approx(published.execute(sql).fetchone())
    columns = "name_zh, reported_count, closure_due_count, closure_rate, satisfaction_rate"
    grids = published.execute(
        f"SELECT {columns} FROM period_rates "
        f"JOIN grids ON code = grid_code AND tree = 'grid' WHERE {where} AND period_rates.level = 'grid'"
    ).fetchall()
    written = {row["网格"]: row for row in table(book["网格"], "网格")}
    assert len(grids) == 4
    for name, reported, due, closure, satisfaction in grids:
        row = written[name]
        assert (row["上报数"], row["应结案数"]) == (reported, due)
        assert (row["结案率"], row["满意率"]) == pytest.approx((closure, satisfaction))


def test_sums_of_channels_grids_and_categories_are_the_total(month, tmp_path) -> None:
    book = sheets(month, tmp_path / "t.xlsx")
    for sheet, head in (("通报", "渠道"), ("网格", "网格"), ("类别", "类别")):
        *_, total = table(book[sheet], head)
        assert total[head] == "合计"
        assert total["上报数"] == month.now.count("reported_count")
        assert total["应结案数"] == month.now.count("closure_due_count")
        assert total["结案率"] == pytest.approx(month.now.counts["closure_rate"])


def test_every_rate_is_a_formula_over_its_counts(month, tmp_path) -> None:
    workbook.write(tmp_path / "t.xlsx", month)
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    for row in table(book["承办单位"], "承办单位"):
        for name in ("签收率", "结案率", "按期结案率"):
            assert re.fullmatch(r'=IF\(([A-Z])(\d+)=0,"—",[A-Z]\2/\1\2\)', row[name])
    for row in table(book["通报"], "指标"):
        assert row["比率"].startswith("=IF(")


def test_a_rate_without_denominator_is_a_dash_in_the_workbook(published, tmp_path) -> None:
    book = sheets(gather(published, parse("2025-12")), tmp_path / "t.xlsx")
    assert {row["比率"] for row in table(book["通报"], "指标") if not row["分母"]} == {"—"}


def test_the_workbook_of_a_grid_has_counts_of_its_own_cases(published, tmp_path) -> None:
    facts = gather(published, parse("2026-01"), node="东泰宜游网格")
    book = sheets(facts, tmp_path / "t.xlsx")
    assert "排名" not in book.sheetnames
    *_, total = table(book["通报"], "渠道")
    assert total["立案数"] == facts.now.count("filed_count") > 0
    assert total["结案数"] == facts.now.count("closed_count")


def test_ranks_stand_with_their_lists(month, tmp_path) -> None:
    rows = table(sheets(month, tmp_path / "t.xlsx")["排名"], "对象")
    assert [row["名次"] for row in rows] == sorted(row["名次"] for row in rows)
    assert {row["榜单"] or "" for row in rows} <= {"红榜", "黄榜", "黑榜", ""}


def scored(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """January's building groups as they are published: rank, score, how often it was given, and list."""
    return connection.execute(
        "SELECT rank_no, score, scored_count, list_colour FROM activity_rankings WHERE period_type = 'month' "
        "AND period_start = '2026-01-01' AND level = 'building_group' ORDER BY rank_no, code"
    ).fetchall()


def test_scores_of_activities_stand_in_the_workbook_with_their_lists(published, month, tmp_path) -> None:
    sheet = sheets(month, tmp_path / "t.xlsx")["排名"]
    title = next(row[0].row for row in sheet if str(row[0].value).startswith("垃圾分类红黄黑榜"))
    assert sheet.cell(title + 1, 1).value == "红榜 85 分起，黄榜 85 分以下，黑榜 75 分以下"
    expected = scored(published)
    first, last = title + 3, title + 2 + len(expected)
    shown = list(sheet.iter_rows(min_row=first, max_row=last, min_col=2, max_col=5, values_only=True))
    colours = {words[0]: colour for colour, words in page.LIST_COLOURS.items()}
    assert [(rank, score, count, colours.get(listed)) for rank, score, count, listed in shown] == expected
    assert len(expected) > page.FIRST_ROWS


def test_scores_of_activities_stand_on_the_page_in_both_languages(published, month) -> None:
    (section,) = re.findall(r'<section aria-labelledby="scores">.*?</section>', page.render(month), re.S)
    cells = re.findall(
        r'</th><td>(\d+)</td><td>([\d.]+)</td><td>(\d+)</td><td>(?:<span class="badge (\w+)">)?', section
    )
    expected = scored(published)
    assert cells == [
        (str(rank), f"{score:.1f}", str(count), colour or "") for rank, score, count, colour in expected
    ]
    assert f"其余 {len(expected) - page.FIRST_ROWS} 项" in section
    assert "垃圾分类红黄黑榜" in section and "Red, yellow and black list of waste sorting" in section
    assert "红榜 85 分起，黄榜 85 分以下，黑榜 75 分以下" in section
    assert "red from 85 points, yellow below 85, black below 75" in section
    for colour, words in page.LIST_COLOURS.items():
        count = sum(row[3] == colour for row in expected)
        assert re.search(rf'lang="en">{re.escape(words[1])}</span></span> {count} ', section)


def test_a_day_and_a_part_of_the_tree_have_no_lists_by_scores(published) -> None:
    for facts in (
        gather(published, parse("2026-01-21")),
        gather(published, parse("2026-01"), node="东泰宜游网格"),
    ):
        assert facts.score_rankings == []
        assert 'aria-labelledby="scores"' not in page.render(facts)


# The facts


def test_a_part_of_the_tree_has_its_own_children(published) -> None:
    facts = gather(published, parse("2026-01"), node="东泰宜游网格")
    assert {row.subject.level for row in facts.children} == {"community"}
    assert sum(row.count("reported_count") for row in facts.children) == facts.now.count("reported_count")


def test_the_heat_table_has_a_step_a_day_or_a_month(published) -> None:
    steps = {"2026-01-21": 14, "2026-W03": 7, "2026-01": 31, "2026-Q1": 3}
    for scope, count in steps.items():
        assert {len(rows) for _, rows in gather(published, parse(scope)).heat} == {count}


def test_a_trend_ends_with_the_figures_of_now(month) -> None:
    assert len(month.trend) == 12
    assert month.trend[-1][1] == month.now


@pytest.mark.parametrize(("node", "work_type"), [("nowhere", ALL_WORK), (None, "magic")])
def test_what_there_is_not_is_told(published, node, work_type) -> None:
    with pytest.raises(InputError):
        gather(published, parse("2026-01"), node=node, work_type=work_type)


# The page


@pytest.mark.parametrize(("scope", "node", "work_type"), QUESTIONS[::3])
def test_the_page_shows_every_headline_rate_with_its_parts(published, scope, node, work_type) -> None:
    facts = gather(published, parse(scope), node=node, work_type=work_type)
    text = page.render(facts)
    for indicator in facts.headline:
        figure = facts.now.figure(indicator)
        assert f'<div class="big">{percent(figure.rate)}</div>' in text
        assert f"<span>{amount(figure.numerator)}/{amount(figure.denominator)}</span>" in text
        assert indicator.basis_zh in text and indicator.basis in text
    assert "{{" not in text and "None" not in text


def test_the_page_tells_what_is_held_back_restated_and_wrong(month) -> None:
    text = page.render(month)
    assert "2026-01-20" in text.partition("</header>")[0]
    assert "out_daily_rates.in_range" in text
    assert "out_daily_rates.volume" in text
    assert "not_json" in text
    for words in (
        "比率在 0 与 1 之间",
        "Every rate lies between 0 and 1",
        "上报量与往周同日相近",
        "不是 JSON",
    ):
        assert words in text.partition('id="quality"')[2]
    assert "因迟到事件而更正" in text


def test_names_are_text_not_markup(published, month) -> None:
    from dataclasses import replace

    node = replace(month.node, name_zh="<script>alert(1)</script>", name_en="<b>", level="grid", code="x")
    text = page.render(replace(month, node=node))
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
