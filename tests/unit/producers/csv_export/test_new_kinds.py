"""Two kinds of export that nobody has mapped before, each mapped in under ten lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from contracts.events import validate
from producers.inspect import inspect_export
from producers.propose import propose_mapping
from tests.exporting import Imported, import_files, import_rows, mapping_of, write_csv

NYC = """
source: nyc-311
id: Unique Key
time_zone: America/New_York
time_formats: ["%m/%d/%Y %I:%M:%S %p"]
events:
  reported: {at: Created Date, category_code: Complaint Type, grid_code: Borough, channel: Channel}
  filed: {at: Created Date, unit_code: Agency, deadline_at: Due Date}
  closed: {at: Closed Date, when: {Status: Closed, Closed Date: present}}
"""

HOTLINE = """
source: hotline-12345
id: 工单编号
encoding: gb18030
events:
  reported: {at: 来电时间, category_code: {template: "{大类}/{小类}"}, grid_code: 所属街道}
  dispatched: {at: 派单时间, when: {派单时间: present}, unit_code: 承办单位, deadline_at: 截止时间}
  closed: {at: 办结时间, when: {工单状态: [已办结, 已评价]}}
  visited: {at: 回访时间, when: {满意度: present}, satisfaction: {column: 满意度, map: {非常满意: very_satisfied, 满意: satisfied, 基本满意: basically_satisfied, 不满意: dissatisfied}}}
"""  # noqa: E501


def nyc_rows() -> Iterator[list[str]]:
    yield [
        "Status", "Unique Key", "Agency", "Created Date", "Closed Date", "Complaint Type", "Borough",
        "Due Date", "Channel", "Resolution Description",
    ]  # fmt: skip
    start = datetime(2023, 11, 4, 20, 0)
    for n in range(600):
        opened = start + timedelta(minutes=n)
        due, closed = opened + timedelta(hours=8), opened + timedelta(hours=n % 13)
        yield [
            "Closed" if n % 4 else "In Progress",
            str(59_000_000 + n),
            ["NYPD", "DSNY", "DOT", "HPD"][n % 4],
            opened.strftime("%m/%d/%Y %I:%M:%S %p"),
            closed.strftime("%m/%d/%Y %I:%M:%S %p") if n % 4 else "",
            "Noise - Street/Sidewalk",
            ["BRONX", "QUEENS", "STATEN ISLAND", ""][n % 4],
            due.strftime("%m/%d/%Y %I:%M:%S %p") if n % 5 else "",
            "ONLINE",
            'The officer said:\n"no violation", and left.',
        ]


def hotline_rows() -> Iterator[list[str]]:
    yield [
        "序号", "工单编号", "工单状态", "来电时间", "派单时间", "截止时间", "办结时间", "回访时间", "满意度",
        "承办单位", "所属街道", "大类", "小类", "诉求内容",
    ]  # fmt: skip
    for n in range(400):
        came = datetime(2024, 5, 1, 8) + timedelta(minutes=7 * n)
        sent, done = came + timedelta(minutes=20), came + timedelta(hours=30)
        is_done, is_rated = n % 5 != 0, n % 5 > 2
        yield [
            str(n + 1),
            f"HZ20240501{n:05}",
            "已评价" if is_rated else "已办结" if is_done else "处理中",
            f"{came.year}年{came.month}月{came.day}日 {came:%H:%M}",
            sent.strftime("%Y/%m/%d %H:%M:%S") if n % 7 else "",
            (came + timedelta(days=3)).strftime("%Y-%m-%d"),
            done.strftime("%Y-%m-%d %H:%M:%S") if is_done else "",
            (done + timedelta(days=1)).strftime("%Y-%m-%d %H:%M") if is_rated else "",
            ["满意", "非常满意", "不满意", "基本满意"][n % 4] if is_rated else "",
            ["城管中队", "市场监管所"][n % 2],
            "白杨街道",
            "街面秩序",
            "占道经营" if n % 2 else "噪音扰民",
            "商户，“夜间”经营\r\n反映人要求处理",
        ]


@pytest.mark.parametrize("text", [NYC, HOTLINE])
def test_the_mappings_are_under_ten_lines(text: str) -> None:
    assert len(text.strip().splitlines()) < 10
    mapping_of(text)


@pytest.fixture
def nyc(tmp_path: Path) -> Imported:
    return import_rows(tmp_path, list(nyc_rows()), NYC, encoding="utf-8-sig", delimiter="\t")


@pytest.fixture
def hotline(tmp_path: Path) -> Imported:
    text = HOTLINE.replace("encoding", "time_zone: Asia/Shanghai\nencoding")
    return import_rows(tmp_path, list(hotline_rows()), text, encoding="gb18030", delimiter=";")


def test_the_new_york_export_comes_out_whole(nyc: Imported) -> None:
    assert nyc.summary.rejected == 0
    assert nyc.summary.events == {
        "gridrates.case.reported.v1": 600,
        "gridrates.case.filed.v1": 600,
        "gridrates.case.closed.v1": 450,
    }
    for event in nyc.events:
        validate(event)


def test_its_clocks_go_back_in_the_night_and_no_case_closes_before_it_opens(nyc: Imported) -> None:
    zone = ZoneInfo("America/New_York")
    rows = {row[1]: row for row in nyc_rows()}
    opened = {event["subject"]: datetime.fromisoformat(event["time"]) for event in nyc.of("filed")}
    for event in nyc.of("closed"):
        closed_at = datetime.fromisoformat(event["time"])
        assert closed_at >= opened[event["subject"]]
        cell = closed_at.astimezone(zone).strftime("%m/%d/%Y %I:%M:%S %p")
        assert cell == rows[event["subject"]][4]


def test_the_hotline_export_comes_out_whole(hotline: Imported) -> None:
    rows = list(hotline_rows())[1:]
    assert hotline.summary.rejected == 0
    assert hotline.summary.events == {
        "gridrates.case.reported.v1": 400,
        "gridrates.case.dispatched.v1": sum(bool(row[4]) for row in rows),
        "gridrates.case.closed.v1": 320,
        "gridrates.case.visited.v1": 160,
    }
    for event in hotline.events:
        validate(event)
    first = hotline.of("reported")[0]
    assert first["time"] == "2024-05-01T00:00:00Z"
    assert first["data"] == {"category_code": "街面秩序/噪音扰民", "grid_code": "白杨街道"}
    assert {event["data"]["satisfaction"] for event in hotline.of("visited")} == {
        "very_satisfied", "satisfied", "basically_satisfied", "dissatisfied",
    }  # fmt: skip


def test_nothing_of_what_the_caller_said_is_in_an_event(hotline: Imported, nyc: Imported) -> None:
    assert "反映人" not in str(hotline.events)
    assert "officer" not in str(nyc.events)


def proposed(path: Path, zone: str) -> Imported:
    """What comes of an export when nobody corrects what was proposed for it."""
    return import_files(path, mapping_of(propose_mapping(inspect_export(path), "p", "test", zone)))


def horrid_rows() -> Iterator[list[str]]:
    """A title, a counter before the id, one id twice, two date formats, dots, and slashes for nothing."""
    yield ["", "白杨街道工单", "", "", "", "", ""]
    yield ["序号", "案件编号", "案件状态", "上报日期", "立案时间", "结案时间", "处置单位"]
    for n in range(200):
        opened = datetime(2024, 5, 1, 8) + timedelta(hours=n)
        yield [
            str(n + 1),
            "A00006" if n == 7 else f"A{n:05}",
            ["已结案", "处置中", "已作废"][n % 3],
            f"{opened:%Y/%m/%d}" if n % 2 else f"{opened.year}.{opened.month}.{opened.day}",
            f"{opened:%Y-%m-%d %H:%M}",
            f"{opened + timedelta(days=20):%d/%m/%Y %H:%M}" if n % 3 == 0 else "/",
            ["城管", "环卫"][n % 2],
        ]


def test_what_is_proposed_maps_every_row_of_both(tmp_path: Path, nyc: Imported, hotline: Imported) -> None:
    path = write_csv(tmp_path / "nyc.csv", list(nyc_rows()), encoding="utf-8-sig", delimiter="\t")
    got = proposed(path, "America/New_York")
    assert (got.summary.rejected, got.summary.events) == (0, nyc.summary.events)
    path = write_csv(tmp_path / "hotline.csv", list(hotline_rows()), encoding="gb18030", delimiter=";")
    got = proposed(path, "Asia/Shanghai")
    filed = {"gridrates.case.filed.v1": 400}
    assert (got.summary.rejected, got.summary.events) == (0, hotline.summary.events + Counter(filed))
    assert {e["data"]["category_code"] for e in got.of("reported")} == {"噪音扰民", "占道经营"}


def test_what_is_proposed_for_a_horrid_export_maps_every_row(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "horrid.csv", list(horrid_rows()), encoding="utf-16")
    got = proposed(path, "Asia/Shanghai")
    assert (got.summary.rows, got.summary.rejected) == (200, 0)
    assert len(got.of("closed")) == 67
    assert {event["subject"] for event in got.events} == {row[1] for row in list(horrid_rows())[2:]}
    first = [event["time"] for event in got.events[:3]]
    assert first == ["2024-04-30T16:00:00Z", "2024-05-01T00:00:00Z", "2024-05-21T00:00:00Z"]
