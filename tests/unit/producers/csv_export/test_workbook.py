"""Workbooks are read like CSV: titles above the header, several sheets, dates, numbers that are text."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from gridrates.errors import InputError
from producers.csv_export.reading import find_layout
from producers.csv_export.workbook import as_text
from producers.inspect import inspect_export
from producers.propose import notes, propose_mapping
from tests.exporting import import_files, import_rows, mapping_of, read_rejects, write_csv

HEADER = ["工单编号", "上报时间", "办结时间", "承办单位", "网格"]
MAPPING: dict[str, Any] = {
    "source": "sheets",
    "id": "工单编号",
    "time_zone": "Asia/Shanghai",
    "events": {
        "reported": {"at": "上报时间", "grid_code": "网格"},
        "closed": {"at": "办结时间", "when": {"办结时间": "present"}},
    },
}
WORKBOOKS = Path(__file__).parent / "workbooks"
OPENED = datetime(2024, 5, 1, 8, 5, 7)


def rows(count: int) -> list[list[Any]]:
    return [
        [20240501000 + n, OPENED + timedelta(minutes=n), None if n % 2 else date(2024, 5, 3), "城管", "0012"]
        for n in range(count)
    ]


def workbook(path: Path, count: int = 60) -> Path:
    """A cover sheet, then one with a merged title, a blank line, the header and rows."""
    book = openpyxl.Workbook()
    cover = book.active
    assert cover is not None
    cover.title = "说明"
    cover.append(["本表由系统导出"])
    sheet = book.create_sheet("工单")
    sheet.append(["白杨街道 2024年5月 工单"])
    sheet.merge_cells("A1:E1")
    sheet.append([])
    sheet.append(HEADER)
    for row in rows(count):
        sheet.append(row)
    book.save(path)
    return path


def test_the_sheet_and_the_header_are_found_and_cells_are_text(tmp_path: Path) -> None:
    got = import_files(workbook(tmp_path / "export.xlsx"), MAPPING)
    assert (got.summary.rows, got.summary.mapped, got.summary.rejected) == (60, 60, 0)
    first, second = got.of("reported")[0], got.of("closed")[0]
    assert (first["subject"], first["time"]) == ("20240501000", "2024-05-01T00:05:07Z")
    assert first["data"] == {"grid_code": "0012"}
    assert second["time"] == "2024-05-02T16:00:00Z"
    assert len(got.of("closed")) == 30


@pytest.mark.parametrize("name", ["export.xls", "export.ods"])
def test_workbooks_of_other_programs_give_the_events_of_the_same_rows_in_csv(
    name: str, tmp_path: Path
) -> None:
    texts = [["" if cell is None else as_text(cell) for cell in row] for row in rows(12)]
    as_csv = import_rows(tmp_path, [HEADER, *texts], MAPPING)
    got = import_files(Path(shutil.copy(WORKBOOKS / name, tmp_path)), MAPPING)
    assert (got.rows, got.keys, got.events) == (as_csv.rows, as_csv.keys, as_csv.events)
    assert (got.summary.mapped, len(got.events), got.rejects) == (12, 18, [])


@pytest.mark.parametrize("name", ["export.xls", "export.ods"])
def test_workbooks_of_other_programs_are_inspected(name: str) -> None:
    layout = inspect_export(WORKBOOKS / name).layout
    assert (layout.sheet, layout.names, layout.above) == ("工单", tuple(HEADER), 1)


def test_a_rejected_row_is_named_by_its_line(tmp_path: Path) -> None:
    path = workbook(tmp_path / "export.xlsx")
    book = openpyxl.load_workbook(path)
    book["工单"]["B5"] = "某日"
    book.save(path)
    (reject,) = import_files(path, MAPPING).rejects
    assert (reject["rejected_row"], reject["rejected_line"], reject["上报时间"]) == ("2", "5", "某日")


def test_a_workbook_is_inspected_like_csv(tmp_path: Path) -> None:
    path = workbook(tmp_path / "export.xlsx")
    inspection = inspect_export(path)
    assert inspection.layout.names == tuple(HEADER)
    assert {role: column.name for role, column in inspection.roles.items()} == {
        "id": "工单编号",
        "reported": "上报时间",
        "closed": "办结时间",
        "unit_code": "承办单位",
        "grid_code": "网格",
    }
    text = propose_mapping(inspection, "p", "s", "Asia/Shanghai")
    assert "sheet: 工单\n" in text and "encoding" not in text
    assert import_files(path, mapping_of(text)).summary.mapped == 60


def test_a_sheet_can_be_named_and_a_wrong_name_is_told(tmp_path: Path) -> None:
    path = workbook(tmp_path / "export.xlsx")
    assert find_layout(path, sheet="说明").names == ("本表由系统导出",)
    with pytest.raises(InputError, match=r"has no sheet '工 单'.*did you mean '工单'"):
        find_layout(path, sheet="工 单")
    with pytest.raises(InputError, match="lacks what the mapping names: '编号'"):
        find_layout(path, wanted=["编号"])


def months(path: Path, *counts: int) -> Path:
    """A sheet a month, each with the header and so many rows."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for month, count in enumerate(counts, 1):
        sheet = book.create_sheet(f"{month}月")
        for row in [HEADER, *rows(count)]:
            sheet.append(row)
    book.save(path)
    return path


def test_no_sheet_is_passed_over_in_silence(tmp_path: Path) -> None:
    path = months(tmp_path / "export.xlsx", 40, 40, 0)
    with pytest.raises(InputError, match="names in several sheets: 1月, 2月") as error:
        import_files(path, MAPPING)
    assert "Name one, or a list of those to read, as `sheet`" in error.value.remedy
    assert import_files(path, MAPPING | {"sheet": "2月"}).summary.mapped == 40
    assert inspect_export(path).layout.alike == ("2月",)
    assert import_files(months(tmp_path / "one.xlsx", 0, 3), MAPPING).summary.mapped == 3


def test_several_sheets_are_read_one_after_the_other_and_others_told_of(tmp_path: Path) -> None:
    path = months(tmp_path / "export.xlsx", 3, 0, 5, 4)
    book = openpyxl.load_workbook(path)
    book["3月"].insert_cols(1)
    for month, line in (("1月", 3), ("3月", 6)):
        book[month].cell(line, 2 if month == "1月" else 3).value = "某日"
        book[month].cell(line, 1 if month == "1月" else 2).value = f"错{month}"
    book.save(path)
    (tmp_path / "export.xlsx.rejects.csv").write_text("of an earlier import")
    got = import_files(path, MAPPING | {"sheet": ["1月", "2月", "3月"]})
    summary = got.summary
    assert (summary.files, summary.rows, summary.mapped, summary.rejected) == (1, 8, 6, 2)
    assert summary.examples == {
        "the time of `reported` fits none of its formats": [
            f"export.xlsx, sheet {place}: the time of `reported` fits none of its formats: 上报时间 is '某日'"
            for place in ("1月, row 2 (line 3)", "3月, row 5 (line 6)")
        ]
    }
    files = [tmp_path / f"export.xlsx.{month}.rejects.csv" for month in ("1月", "3月")]
    assert summary.rejects_files == files
    assert [read_rejects(file)[0]["工单编号"] for file in files] == ["错1月", "错3月"]
    assert not (tmp_path / "export.xlsx.rejects.csv").exists()
    assert summary.notes == [
        "export.xlsx has the mapped columns also in sheets that the mapping does not name, and that are not "
        "read: 4月."
    ]
    # What was rejected is mended in CSV, where there are no sheets.
    files[0].write_text(files[0].read_text("utf-8-sig").replace("某日", "2024-05-01"))
    assert import_files(files[0], MAPPING | {"sheet": ["1月", "2月", "3月"]}).summary.mapped == 1


def test_all_sheets_that_are_alike_can_be_read_as_noted(tmp_path: Path) -> None:
    path = months(tmp_path / "export.xlsx", 40, 40, 40)
    (note,) = (note for note in notes(inspect_export(path)) if "sheet" in note)
    assert 'To read them all, write `sheet: ["1月", "2月", "3月"]`.' in note
    got = import_files(path, MAPPING | {"sheet": ["1月", "2月", "3月"]})
    assert (got.summary.mapped, got.summary.notes, got.rejects) == (120, [], [])


@pytest.mark.parametrize("sheet", [[], ["1月", "1月"]])
def test_a_list_of_sheets_names_some_and_each_once(sheet: list[str]) -> None:
    with pytest.raises(ValueError, match="`sheet` is a name, or a list of different names"):
        mapping_of(MAPPING | {"sheet": sheet})


def test_a_number_too_large_for_a_workbook_names_no_case(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in [HEADER, *([n, OPENED, None, "u", "g"] for n in (330106200000000001, 2**53 - 1, 123456))]:
        sheet.append(row)
    book.save(tmp_path / "x.xlsx")
    got = import_files(tmp_path / "x.xlsx", MAPPING)
    assert [event["subject"] for event in got.of("reported")] == ["9007199254740991", "123456"]
    assert "id is a number that a spreadsheet has rounded" in got.rejects[0]["rejected_reason"]


def test_a_workbook_without_a_cell_is_empty(tmp_path: Path) -> None:
    openpyxl.Workbook().save(tmp_path / "empty.xlsx")
    with pytest.raises(InputError, match="is empty"):
        find_layout(tmp_path / "empty.xlsx")


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        (["工单编号", "上报", "", "处置", "", "备注"], ["", "上报时间", "网格", "办结时间", "承办单位", ""]),
        (["工单编号", "上报时间", "网格", "处置", ""], ["", "", "", "办结时间", "承办单位", "", ""]),
        (["工单", "", "", "处置", "", "备注"], ["工单编号", "上报时间", "网格", "办结时间", "承办单位"]),
    ],
)
def test_a_header_of_two_lines_with_merged_cells_is_one(
    upper: list[str], lower: list[str], tmp_path: Path
) -> None:
    title = ["2024年5月台账", "", "", "", "", ""]
    names = ("工单编号", "上报时间", "网格", "办结时间", "承办单位", "备注")[: 6 if "备注" in upper else 5]
    cells = ["2024-05-01 08:05:00", "0012", "2024-05-03", "城管", "无"][: len(names) - 1]
    path = write_csv(tmp_path / "x.csv", [title, upper, lower, *([f"G{n}", *cells] for n in range(3))])
    assert (find_layout(path).names, find_layout(path).above) == (names, 2)
    assert inspect_export(path).roles["id"].name == "工单编号"
    got = import_files(path, MAPPING)
    assert (got.summary.rows, got.summary.mapped) == (3, 3)


def test_a_row_below_the_header_is_no_second_line_of_it(tmp_path: Path) -> None:
    header = ["工单编号", "上报时间", "", "办结时间", "网格"]
    for row in (
        ["G1", "2024-05-01 08:05:00", "x", "", "0012"],
        ["", "2024-05-01 08:05:00", "x", "", ""],
        ["G1", "", "x", "2024-05-03", ""],
        ["", "", "x", "", ""],
    ):
        path = write_csv(tmp_path / "x.csv", [header, row])
        assert find_layout(path).names == ("工单编号", "上报时间", "#3", "办结时间", "网格")
        assert import_files(path, MAPPING).summary.rows == 1


def test_a_title_above_the_header_of_a_csv_file_is_passed_over_too(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    lines = ["白杨街道工单,,,,", ",".join(HEADER), "1,2024-05-01 08:00:00,,城管,g1"]
    path.write_text("\n".join(lines), encoding="utf-8")
    got = import_files(path, MAPPING)
    assert (got.summary.rows, got.summary.mapped) == (1, 1)
    assert find_layout(path).names == tuple(HEADER)
