"""An export nobody has mapped yet gives a proposal that works, and shows nobody's words."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from gridrates.cli import app
from gridrates.errors import InputError, ResourceError
from gridrates.profile import load_profile
from gridrates.profile_check import check_profile
from producers.inspect import Inspection, inspect_export
from producers.mapping import load_mapping
from producers.propose import notes, propose_mapping, write_profile
from tests.exporting import Imported, import_files, write_csv

NYC = [
    "Unique Key",
    "Created Date",
    "Closed Date",
    "Agency",
    "Complaint Type",
    "Borough",
    "Status",
    "Due Date",
]
HOTLINE = [
    *("序号", "工单编号", "来电时间", "办结时间", "截止时间", "承办单位", "所属街道", "事项分类"),
    *("工单状态", "回访时间", "满意度", "来电人", "联系电话", "诉求内容", "来源渠道"),
]
STARTS = datetime(2024, 5, 1, 8)


def nyc(path: Path, clock: str = "%m/%d/%Y %I:%M:%S %p", count: int = 300) -> Path:
    rows = []
    for n in range(count):
        opened = STARTS + timedelta(hours=5 * n)
        closed = (opened + timedelta(hours=n % 50)).strftime(clock) if n % 3 else ""
        status = "Closed" if n % 3 else "Open"
        due = (opened + timedelta(hours=24)).strftime(clock)
        rows.append(
            [str(7_000_000 + n), opened.strftime(clock), closed, "NYPD", "Noise", "BRONX", status, due]
        )
    return write_csv(path, [NYC, *rows], delimiter="\t")


def hotline(path: Path, encoding: str = "gb18030", count: int = 200) -> Path:
    numbers = random.Random(1)
    rows = []
    for n in range(count):
        came = STARTS + timedelta(minutes=11 * n)
        done = f"{came + timedelta(hours=9):%Y/%m/%d %H:%M:%S}" if n % 4 else ""
        visited = f"{came + timedelta(days=2):%Y-%m-%d %H:%M}" if n % 4 > 1 else ""
        rows.append(
            [
                *(str(n + 1), f"GD{n:06}", f"{came:%Y年%m月%d日 %H:%M}", done),
                f"{came + timedelta(days=5):%Y-%m-%d}",
                *(["城管中队", "环卫所"][n % 2], "白杨街道", ["噪音", "占道"][n % 2]),
                *("已办结" if done else "处理中", visited),
                ["满意", "非常满意", "不满意", "未评价"][n // 4 % 4] if visited else "",
                *(f"张{n}", f"1{numbers.randrange(10**9, 10**10)}", f"本人住{n}幢，反映“{n}”号店铺"),
                "12345热线",
            ]
        )
    return write_csv(path, [HOTLINE, *rows], encoding=encoding, delimiter=";")


def roles(inspection: Inspection) -> dict[str, str]:
    return {role: column.name for role, column in inspection.roles.items()}


def imported(folder: Path, path: Path) -> Imported:
    profile = load_profile(str(folder))
    return import_files(path, load_mapping(folder / "mapping.yaml", time_zone=profile.time_zone))


def test_a_new_york_export_is_understood(tmp_path: Path) -> None:
    inspection = inspect_export(nyc(tmp_path / "nyc.csv"))
    assert roles(inspection) == {
        "id": "Unique Key",
        "reported": "Created Date",
        "closed": "Closed Date",
        "deadline_at": "Due Date",
        "unit_code": "Agency",
        "category_code": "Complaint Type",
        "grid_code": "Borough",
        "status": "Status",
    }
    assert inspection.layout.delimiter == "\t"
    assert inspection.roles["reported"].formats == ("%m/%d/%Y %I:%M:%S %p",)
    assert not inspection.roles["reported"].is_ambiguous


def chosen(tmp_path: Path, cells: dict[str, Sequence[str]], count: int = 40) -> dict[str, str]:
    """The roles of columns whose cells repeat; an id and the time it was opened stand before them."""
    header = ["id", "opened", *cells]
    rows = [
        [f"a{n}", f"2024-05-01 08:{n:02}:00", *(column[n % len(column)] for column in cells.values())]
        for n in range(count)
    ]
    return roles(inspect_export(write_csv(tmp_path / "x.csv", [header, *rows])))


def test_the_time_of_an_update_is_no_closing(tmp_path: Path) -> None:
    times = ["2024-05-02 08:00:00"]
    found = chosen(tmp_path, {"Resolution Updated Date": times, "Date Closed": [*times, ""]})
    assert found["closed"] == "Date Closed"
    assert "closed" not in chosen(tmp_path, {"Resolution Updated Date": times})


def test_a_target_of_completion_is_a_deadline(tmp_path: Path) -> None:
    times = ["2024-05-02 08:00:00"]
    found = chosen(tmp_path, {"Target Completion Date": times, "Date Completed": [*times, ""]})
    assert (found["deadline_at"], found["closed"]) == ("Target Completion Date", "Date Completed")
    assert chosen(tmp_path, {"办结时限": times, "办结时间": times})["closed"] == "办结时间"


def test_the_type_of_the_request_is_its_category_and_not_that_of_its_channel(tmp_path: Path) -> None:
    cells = {"Channel Type": "abcd", "Location Type": "efgh", "Complaint Type": "xy"}
    found = chosen(tmp_path, cells)
    assert (found["channel"], found["category_code"]) == ("Channel Type", "Complaint Type")
    assert chosen(tmp_path, {"service_name": "xy"})["category_code"] == "service_name"


def test_a_neighbourhood_is_preferred_to_the_districts_of_others(tmp_path: Path) -> None:
    cells = {"fire_district": "12", "neighborhood": ["North", "South", ""], "Electricity_Grid": "34"}
    assert chosen(tmp_path, cells)["grid_code"] == "neighborhood"


def test_a_position_is_proposed_whole_and_in_degrees_or_not_at_all(tmp_path: Path) -> None:
    whole = {"long": ["-71.05", "120"], "lat": ["42.3", "30.25"]}
    assert chosen(tmp_path, whole).keys() >= {"longitude", "latitude"}
    for cells in (
        {"lat": whole["lat"]},
        whole | {"lat": ["42,3"]},
        whole | {"lat": ["91"]},
        whole | {"long": ["?"]},
    ):
        assert not chosen(tmp_path, cells).keys() & {"longitude", "latitude"}


def test_a_hotline_export_is_understood_whatever_its_encoding(tmp_path: Path) -> None:
    for encoding in ("gb18030", "utf-8", "utf-8-sig", "utf-16"):
        inspection = inspect_export(hotline(tmp_path / "hotline.csv", encoding))
        assert roles(inspection) == {
            "id": "工单编号",
            "reported": "来电时间",
            "closed": "办结时间",
            "deadline_at": "截止时间",
            "visited": "回访时间",
            "satisfaction": "满意度",
            "unit_code": "承办单位",
            "grid_code": "所属街道",
            "category_code": "事项分类",
            "status": "工单状态",
            "channel": "来源渠道",
        }


@pytest.mark.parametrize("make", [nyc, hotline])
def test_the_proposal_maps_its_export_without_a_reject(tmp_path: Path, make: object) -> None:
    path = make(tmp_path / "export.csv")  # type: ignore[operator]
    folder = tmp_path / "new-street"
    inspection = inspect_export(path)
    written = write_profile(folder, inspection, "Asia/Shanghai")
    assert sorted(file.name for file in written) == sorted(file.name for file in folder.iterdir())
    assert check_profile(folder) == []
    got = imported(folder, path)
    assert got.summary.rejected == 0
    assert got.summary.rows == inspection.rows
    assert len(got.of("reported")) == len(got.of("filed")) == inspection.rows
    assert len(got.of("closed")) == inspection.roles["closed"].filled
    assert len(got.of("visited")) == (
        inspection.roles["visited"].filled if "visited" in inspection.roles else 0
    )


def test_satisfaction_words_are_translated_and_strange_ones_named(tmp_path: Path) -> None:
    text = propose_mapping(inspect_export(hotline(tmp_path / "x.csv")), "p", "s", "Asia/Shanghai")
    assert "Not understood, and so left out: 未评价" in text
    rule = yaml.safe_load(text)["events"]["visited"]["satisfaction"]
    assert rule["map"] == {"满意": "satisfied", "非常满意": "very_satisfied", "不满意": "dissatisfied"}


def test_nobodys_words_are_in_the_proposal(tmp_path: Path) -> None:
    path = hotline(tmp_path / "x.csv")
    folder = tmp_path / "street"
    write_profile(folder, inspect_export(path), "Asia/Shanghai")
    everything = "".join(file.read_text(encoding="utf-8") for file in folder.iterdir())
    with path.open(encoding="gb18030", newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            for column in ("来电人", "联系电话", "诉求内容"):
                assert row[column] not in everything
    assert "联系电话: 200 filled, 200 different; may be about a person: leave it out" in everything


def dates(tmp_path: Path, cells: Sequence[str], name: str = "created") -> Inspection:
    return inspect_export(
        write_csv(tmp_path / "x.csv", [["id", name], *([f"a{n}", c] for n, c in enumerate(cells))])
    )


def test_day_and_month_are_told_apart_by_any_value_that_tells(tmp_path: Path) -> None:
    assert dates(tmp_path, ["03/04/2024", "13/04/2024"]).roles["reported"].formats == ("%d/%m/%Y",)
    assert dates(tmp_path, ["03/04/2024", "04/13/2024"]).roles["reported"].formats == ("%m/%d/%Y",)
    column = dates(tmp_path, ["03/04/2024", "05/06/2024"]).roles["reported"]
    assert column.is_ambiguous
    text = propose_mapping(dates(tmp_path, ["03/04/2024"]), "p", "s", "UTC")
    assert "# - Day and month could stand in either order in created: no value tells." in text


def test_one_column_that_tells_speaks_for_the_others(tmp_path: Path) -> None:
    rows = [["id", "created", "closed"], ["a", "25/12/2023", "03/04/2024"], ["b", "01/02/2023", "05/06/2024"]]
    inspection = inspect_export(write_csv(tmp_path / "x.csv", rows))
    assert inspection.roles["closed"].formats == ("%d/%m/%Y",)
    assert not inspection.roles["closed"].is_ambiguous


def test_a_few_bad_cells_do_not_hide_a_time(tmp_path: Path) -> None:
    good = [f"2024-05-01 08:{n:02}:00" for n in range(60)]
    assert dates(tmp_path, [*good, "soon"]).roles["reported"].formats == ("%Y-%m-%d %H:%M:%S",)
    assert "reported" not in dates(tmp_path, ["soon", "later", "2024-05-01"]).roles


def test_mixed_formats_are_all_named(tmp_path: Path) -> None:
    column = dates(tmp_path, ["2024-05-01 08:00:00", "2024/5/1 8:00:00", "2024-05-01T08:00:00Z"]).roles[
        "reported"
    ]
    assert set(column.formats) == {"%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "iso8601"}


def test_digits_are_a_time_only_in_a_column_called_so(tmp_path: Path) -> None:
    assert dates(tmp_path, ["45413.5", "45414"], "上报时间").roles["reported"].formats == ("excel",)
    assert dates(tmp_path, ["20240501", "20240502"], "open_date").roles["reported"].formats == ("%Y%m%d",)
    assert "reported" not in dates(tmp_path, ["45413", "45414"], "reporter").roles


def test_which_of_day_and_month_is_first_is_told_by_the_last_row_too(tmp_path: Path) -> None:
    cells = [f"{day:02}/05/2024 {n % 24:02}:{n // 24:02}" for day in range(1, 13) for n in range(300)]
    assert dates(tmp_path, [*cells, "13/05/2024 08:00"]).roles["reported"].formats == ("%d/%m/%Y %H:%M",)
    assert dates(tmp_path, [*cells, "05/13/2024 08:00"]).roles["reported"].formats == ("%m/%d/%Y %H:%M",)


def test_a_column_with_both_orders_is_no_time(tmp_path: Path) -> None:
    cells = [f"{n:02}/05/2024" for n in range(13, 29)] + [f"05/{n:02}/2024" for n in range(13, 29)]
    assert "reported" not in dates(tmp_path, cells).roles


def test_where_no_value_tells_dates_lie_close_together_and_it_is_said(tmp_path: Path) -> None:
    for cells, name in (
        ([f"0{n}/06/2024" for n in range(1, 9)], "%d/%m/%Y"),
        ([f"06/0{n}/2024" for n in range(1, 9)], "%m/%d/%Y"),
        ([f"0{n}-06-24" for n in range(1, 9)], "%d-%m-%y"),
    ):
        column = dates(tmp_path, cells).roles["reported"]
        assert (column.formats, column.is_ambiguous) == ((name,), True)


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        (["2024-05-01T08:05", "2024-05-02T08:05"], "%Y-%m-%dT%H:%M"),
        (["2024-05-01T08:05+08:00"], "iso8601"),
        (["2024/05/01 08:05:00+00"], "iso8601"),
        (["2024-05-01 08:05:00.0000000"], "%Y-%m-%d %H:%M:%S.%f"),
        (["2024-05-01 08:05:00 PM"], "%Y-%m-%d %I:%M:%S %p"),
        (["2024/5/1 下午 8:05:00"], "%Y/%m/%d %p %I:%M:%S"),
        (["2024/5/1 上午8:05"], "%Y/%m/%d %p%I:%M"),
        (["2024.5.1 下午8:05"], "%Y.%m.%d %p%I:%M"),
        (["2024年5月1日8时5分"], "%Y年%m月%d日%H时%M分"),
        (["2024年5月1日 下午8:05:00"], "%Y年%m月%d日 %p%I:%M:%S"),
        (["2024年5月1日下午8:05"], "%Y年%m月%d日%p%I:%M"),
        (["21/05/2024 08:05:00 a. m.", "21/05/2024 08:05:00 p.\u00a0m."], "%d/%m/%Y %I:%M:%S %p"),
        (["21/05/2024 8:05 P.M."], "%d/%m/%Y %I:%M %p"),
        (["2024 May 01 08:05:00 PM"], "%Y %b %d %I:%M:%S %p"),
        (["June 03, 2024 8:05 PM"], "%B %d, %Y %I:%M %p"),
        (["20240501T080500"], "%Y%m%dT%H%M%S"),
        (["1714550700", "1714637100"], "epoch"),
        (["1714550700000", "1714637100000"], "epoch_ms"),
    ],
)
def test_what_is_proposed_reads_the_export(tmp_path: Path, cells: Sequence[str], name: str) -> None:
    inspection = dates(tmp_path, cells, "open_date")
    assert inspection.roles["reported"].formats == (name,)
    write_profile(tmp_path / "street", inspection, "UTC")
    assert imported(tmp_path / "street", tmp_path / "x.csv").summary.mapped == len(cells)


def test_what_stands_where_there_is_no_time_is_proposed_as_empty(tmp_path: Path) -> None:
    for word in (
        "1900-01-01",
        "0001-01-01 00:00:00",
        "0000-00-00",
        "9999-12-31",
        "2099-12-31",
        "pending",
        r"\N",
    ):
        rows = [[f"a{n}", "2024-05-01", word if n % 2 else "2024-05-02"] for n in range(10)]
        path = write_csv(tmp_path / "x.csv", [["id", "opened", "closed"], *rows])
        folder = tmp_path / f"street {len(list(tmp_path.iterdir()))}"
        write_profile(folder, inspect_export(path), "UTC")
        assert word in yaml.safe_load((folder / "mapping.yaml").read_text())["empty"]
        got = imported(folder, path)
        assert (got.summary.rejected, len(got.of("closed"))) == (0, 5)


def test_a_time_that_is_wrong_is_not_proposed_as_empty(tmp_path: Path) -> None:
    cells = [*(f"2024-05-{n:02}" for n in range(1, 29)), "2024-05-41", "2024-05-41", "1999-12-31"]
    assert dates(tmp_path, cells).roles["reported"].nothing == frozenset()


def noted(tmp_path: Path, *rows: Sequence[str]) -> str:
    return " ".join(notes(inspect_export(write_csv(tmp_path / "x.csv", rows))))


def test_what_it_could_not_tell_is_noted(tmp_path: Path) -> None:
    opened = ["2024-05-01 08:00:00", "2024-05-02 08:00:00"]
    due = "2024-05-08 08:00:00"
    header = ["id", "opened", "closed", "due"]
    assert noted(tmp_path, header, ["a", *opened, due], ["b", *opened, due]) == ""
    text = noted(tmp_path, ["kind", "opened", "valmis"], ["a", *opened], ["a", *opened])
    assert "No column was found that names the case" in text
    assert "no case will count as closed" in text
    assert "Times that no event uses: valmis." in text
    rows = [[f"a{n}", *opened, "满意"] for n in range(40)]
    assert "满意度 is not used" in noted(tmp_path, ["id", "opened", "closed", "满意度"], *rows)


def test_as_many_rows_are_looked_at_however_wide_they_are(tmp_path: Path) -> None:
    rows = [[f"a{n}", "2024-05-01", f"{n} {'x' * 20_000}"] for n in range(300)]
    assert inspect_export(write_csv(tmp_path / "x.csv", [["id", "opened", "text"], *rows])).rows == 300


def test_a_status_and_its_time_may_stand_for_a_closing(tmp_path: Path) -> None:
    rows = [[f"a{n}", "2024-05-01", ["open", "closed"][n % 2], "2024-05-02"] for n in range(40)]
    path = write_csv(tmp_path / "x.csv", [["id", "opened", "status", "updated"], *rows])
    text = " ".join(notes(inspect_export(path)))
    assert "write `closed: {at: updated, when: {status: [closed]}}`" in text
    write_profile(tmp_path / "street", inspect_export(path), "UTC")
    with (tmp_path / "street" / "mapping.yaml").open("a") as mapping:
        mapping.write("  closed: {at: updated, when: {status: [closed]}}\n")
    assert len(imported(tmp_path / "street", path).of("closed")) == 20


def test_cases_that_came_to_nothing_need_not_count_as_closed(tmp_path: Path) -> None:
    rows = [[f"a{n}", "2024-05-01", "2024-05-02", ["Canceled", "Closed"][n % 2]] for n in range(40)]
    path = write_csv(tmp_path / "x.csv", [["id", "opened", "closed", "status"], *rows])
    text = " ".join(notes(inspect_export(path)))
    voided = "voided: {at: closed, when: {status: [Canceled]}, reason: status}"
    asked = "when: {closed: present, status: {not: [Canceled]}}"
    assert f"write `{voided}` and, of `closed`, `{asked}`." in text
    write_profile(tmp_path / "street", inspect_export(path), "UTC")
    mapping = tmp_path / "street" / "mapping.yaml"
    told = mapping.read_text().replace("    at: closed\n", f"    at: closed\n    {asked}\n  {voided}\n")
    mapping.write_text(told)
    got = imported(tmp_path / "street", path)
    assert (len(got.of("closed")), len(got.of("voided")), got.rejects) == (20, 20, [])
    rows = [[*row[:3], "Closed"] for row in rows]
    assert "came to nothing" not in noted(tmp_path, ["id", "opened", "closed", "status"], *rows)


def test_what_a_missing_limit_means_is_noted(tmp_path: Path) -> None:
    rows = [[f"a{n}", "2024-05-01", "2024-05-02", "2024-05-03" if n % 4 else ""] for n in range(40)]
    text = noted(tmp_path, ["id", "opened", "closed", "due"], *rows)
    assert "due is blank in 10 of 40 rows. A case without a limit is due only once it is closed" in text
    text = noted(tmp_path, ["id", "opened", "closed", "other"], *rows)
    assert "No column was taken for the limit." in text
    assert "Without any limit every closure rate is 100 %." in text


def test_codes_with_telephone_numbers_are_left_out(tmp_path: Path) -> None:
    rows = [[f"a{n}", "2024-05-01", f"Squad 1380013800{n % 4}", "North"] for n in range(40)]
    path = write_csv(tmp_path / "x.csv", [["id", "opened", "unit", "area"], *rows])
    write_profile(tmp_path / "street", inspect_export(path), "UTC")
    everything = "".join(file.read_text() for file in (tmp_path / "street").iterdir())
    assert "13800" not in everything
    assert "unit: 40 filled, 4 different; may be about a person: leave it out" in everything


def test_a_grid_may_be_called_like_the_root_of_the_tree(tmp_path: Path) -> None:
    rows = [[f"a{n}", "2024-05-01", ["all", "all2", "North"][n % 3]] for n in range(40)]
    path = write_csv(tmp_path / "x.csv", [["id", "opened", "neighborhood"], *rows])
    write_profile(tmp_path / "street", inspect_export(path), "UTC")
    assert check_profile(tmp_path / "street") == []


def test_columns_with_different_orders_keep_their_own(tmp_path: Path) -> None:
    rows = [[f"a{n}", f"05/{n:02}/2024", f"{n:02}/05/2024", f"{n:02}/06/2024"] for n in range(1, 29)]
    path = write_csv(tmp_path / "x.csv", [["id", "created", "closed", "due"], *rows])
    write_profile(tmp_path / "street", inspect_export(path), "UTC")
    got = imported(tmp_path / "street", path)
    assert [event["time"][:10] for event in got.of("closed")] == [f"2024-05-{n:02}" for n in range(1, 29)]
    assert got.of("filed")[2]["time"] == "2024-05-03T00:00:00Z"
    assert got.of("filed")[2]["data"]["deadline_at"] == "2024-06-03T00:00:00Z"


def test_two_digits_of_a_year_may_come_first(tmp_path: Path) -> None:
    for form in ("%y-%m-%d %H:%M", "%d-%m-%y %H:%M", "%m/%d/%y %H:%M", "%y/%m/%d"):
        cells = [(STARTS + timedelta(days=n)).strftime(form) for n in range(80)]
        assert dates(tmp_path, cells).roles["reported"].formats == (form,)


def test_years_of_two_and_of_four_digits_may_stand_together(tmp_path: Path) -> None:
    forms = ("%m/%d/%Y %H:%M", "%m/%d/%y %H:%M", "%m/%d/%Y %H:%M")
    rows = [
        [f"a{n}", *((STARTS + timedelta(days=n)).strftime(forms[(n + m) % 3]) for m in range(2))]
        for n in range(60)
    ]
    path = write_csv(tmp_path / "x.csv", [["id", "opened", "closed"], *rows])
    write_profile(tmp_path / "street", inspect_export(path), "UTC")
    got = imported(tmp_path / "street", path)
    assert [e["time"] for e in got.of("closed")] == [
        f"{STARTS + timedelta(days=n):%Y-%m-%dT%H:%M:%SZ}" for n in range(60)
    ]


def test_a_cell_that_cannot_be_decoded_is_no_code(tmp_path: Path) -> None:
    bad = "网格".encode("gbk").decode("utf-8", "surrogateescape")
    rows = [[f"a{n}", "2024-05-01 08:05:00", "网格" if n != 7 else bad] for n in range(40)]
    path = write_csv(tmp_path / "x.csv", [["案件号", "上报时间", "网格"], *rows])
    write_profile(tmp_path / "street", inspect_export(path), "UTC")
    assert [grid.grid_code for grid in load_profile(str(tmp_path / "street")).grids] == ["all", "网格"]
    assert imported(tmp_path / "street", path).summary.rejected == 1


def test_neither_a_wide_digit_nor_the_name_of_a_column_stands_for_no_time(tmp_path: Path) -> None:
    wide = "２０２４-０５-０１"
    rows = [[f"a{n}", "2024-05-01", f"{STARTS + timedelta(days=n):%Y-%m-%d}"] for n in range(90)]
    pages = [["id", "opened", "closed"], *rows] * 2
    inspection = inspect_export(write_csv(tmp_path / "x.csv", [*pages, pages[0]]))
    assert inspection.roles["reported"].nothing == frozenset()
    wrong = [["b1", "2024-05-01", wide], ["b2", "2024-05-01", wide]]
    inspection = inspect_export(write_csv(tmp_path / "x.csv", [*pages, pages[0], *wrong]))
    assert inspection.roles["closed"].nothing == frozenset()


def test_scores_that_are_no_words_are_not_proposed(tmp_path: Path) -> None:
    rows = [[f"a{n}", "2024-05-01", "2024-05-02", str(n % 5)] for n in range(40)]
    path = write_csv(tmp_path / "x.csv", [["id", "受理时间", "回访时间", "满意度"], *rows])
    write_profile(tmp_path / "street", inspect_export(path), "UTC")
    assert imported(tmp_path / "street", path).summary.mapped == 40
    assert "满意度 is not used: none of its words is understood." in notes(inspect_export(path))


def test_words_that_are_no_codes_are_pointed_out(tmp_path: Path) -> None:
    rows = [[f"a{n}", "2024-05-01", "Bins [new]" if n % 4 == 0 else "Bins"] for n in range(40)]
    text = noted(tmp_path, ["id", "opened", "category"], *rows)
    assert "10 cells of category hold quotes, braces, brackets or control characters" in text


def test_a_file_of_one_column_asks_for_its_delimiter(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", [["id", "opened"], ["a", "2024-05-01"]], delimiter="^")
    with pytest.raises(InputError, match=r"has one column, 'id\^opened'") as error:
        write_profile(tmp_path / "street", inspect_export(path), "UTC")
    assert "--delimiter" in error.value.remedy


def test_a_date_and_a_time_of_day_are_to_be_joined(tmp_path: Path) -> None:
    text = noted(tmp_path, ["id", "OPEN DATE", "OPEN TIME"], ["a", "05/21/2024", "10:22 PM"])
    assert "OPEN DATE has no time of day; OPEN TIME is one" in text
    assert '{template: "{OPEN DATE} {OPEN TIME}"}, with "%m/%d/%Y %I:%M %p" among `time_formats`' in text
    for names in (("上报日期", "上报时间"), ("Eingangsdatum", "Eingangszeit"), ("Fecha alta", "Hora alta")):
        text = noted(tmp_path, ["编号", *names], ["a", "2024-05-01", "08:05"])
        assert f"{names[1]} is one" in text and '"%Y-%m-%d %H:%M"' in text


def test_a_deadline_without_a_time_of_day_is_pointed_out(tmp_path: Path) -> None:
    header = ["id", "opened", "due", "closed"]
    text = noted(tmp_path, header, ["a", "2024-05-01 08:05:00", "2024-05-08", "2024-05-08"])
    assert "due has no time of day: what is done on that very day is late" in text
    assert '{template: "{due} 23:59:59"}' in text
    assert "closed has no time of day: its midnight counts" in text


def test_a_case_may_have_several_rows(tmp_path: Path) -> None:
    rows = [[f"L{n}", f"case {n // 2}", "2024-05-01"] for n in range(80)]
    inspection = inspect_export(write_csv(tmp_path / "x.csv", [["log id", "case id", "opened"], *rows]))
    assert inspection.roles["id"].name == "case id"
    assert "case id is not different in every row" in " ".join(notes(inspection))
    assert chosen(tmp_path, {"parent case id": [f"p{n}" for n in range(35)]})["id"] == "id"


def test_a_number_of_the_row_names_no_case(tmp_path: Path) -> None:
    rows = [[str(n), f"T{n}", "2024-05-01"] for n in range(1, 41)]
    path = write_csv(tmp_path / "x.csv", [["序号", "任务号", "上报时间"], *rows, ["合计", "40", ""]])
    assert inspect_export(path).roles["id"].name == "任务号"
    path = write_csv(tmp_path / "x.csv", [["序号", "事件", "上报时间"], *rows])
    assert inspect_export(path).roles["id"].name == "事件"
    rows = [[str(n), "2024-05-01"] for n in range(1, 41)]
    assert "No column was found that names the case" in noted(tmp_path, ["序号", "上报时间"], *rows)
    assert "case id counts from 1 on" in noted(tmp_path, ["case id", "opened"], *rows)


def test_an_id_that_a_spreadsheet_has_rounded_is_none(tmp_path: Path) -> None:
    rows = [[f"1.{n}E+12", "2024-05-01"] for n in range(100, 140)]
    inspection = inspect_export(write_csv(tmp_path / "x.csv", [["case_id", "opened"], *rows]))
    assert "id" not in inspection.roles
    assert "case_id holds numbers that a spreadsheet has rounded" in " ".join(notes(inspection))


def test_a_delimiter_that_had_to_be_named_is_proposed(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", [["id", "opened"], ["a", "2024-05-01"]], delimiter="~")
    write_profile(tmp_path / "street", inspect_export(path, delimiter="~"), "UTC")
    assert imported(tmp_path / "street", path).summary.mapped == 1


def test_what_is_shown_of_times_that_are_not_understood_is_nobodys(tmp_path: Path) -> None:
    rows = [["id", "open_time", "call time"], ["a", "2024-05-01 08:00 EST", "x" * 99]]
    with pytest.raises(InputError, match="format: open_time is '2024-05-01 08:00 EST'") as error:
        write_profile(tmp_path / "street", inspect_export(write_csv(tmp_path / "x.csv", rows)), "UTC")
    assert "xx" not in error.value.message
    path = write_csv(tmp_path / "x.csv", [["id", "opened"]])
    with pytest.raises(InputError, match="has a header and no rows below it"):
        write_profile(tmp_path / "street", inspect_export(path), "UTC")


@pytest.mark.parametrize("time", ["2024-05-01 08:00:00", "05/21/2024 08:00 AM", "2024年5月1日"])
def test_a_row_of_cases_is_no_header(tmp_path: Path, time: str) -> None:
    path = write_csv(tmp_path / "x.csv", [["a1", time, "Open"], ["a2", time, "Open"]])
    with pytest.raises(InputError, match="seems to have no header") as error:
        inspect_export(path)
    assert "a1" not in error.value.message


@pytest.mark.parametrize(
    "header",
    [
        ["案件編號", "受理時間", "截止時間", "結案時間"],
        ["受付番号", "受付日時", "期限", "完了日時"],
        ["No", "Date de création", "Date d'échéance", "Date de clôture"],
        ["folio", "fecha_creacion", "fecha_limite", "fecha_cierre"],
        ["Nummer", "Eingang", "Fälligkeit", "erledigt am"],
        ["PROTOCOLO", "DATA_ABERTURA", "PRAZO", "DATA_ENCERRAMENTO"],
    ],
)
def test_words_of_other_languages_are_known(tmp_path: Path, header: Sequence[str]) -> None:
    rows = [[f"a{n}", "2024-05-01", "2024-05-03", "2024-05-02"] for n in range(3)]
    found = roles(inspect_export(write_csv(tmp_path / "x.csv", [header, *rows])))
    assert [found[role] for role in ("id", "reported", "deadline_at", "closed")] == header


def test_an_export_without_an_id_says_so(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", [["kind", "created"], ["a", "2024-05-01"], ["a", "2024-05-01"]])
    text = propose_mapping(inspect_export(path), "p", "s", "UTC")
    assert "id: WHICH_COLUMN  # none was found: name the one" in text
    folder = tmp_path / "street"
    write_profile(folder, inspect_export(path), "UTC")
    with pytest.raises(InputError, match="'WHICH_COLUMN'"):
        imported(folder, path)


def test_an_export_without_a_time_cannot_be_proposed(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", [["id", "when"], ["1", "soon"]])
    with pytest.raises(InputError, match=r"No column of .* is a time"):
        write_profile(tmp_path / "street", inspect_export(path), "UTC")
    assert not (tmp_path / "street").exists()


def test_odd_column_names_are_quoted(tmp_path: Path) -> None:
    header = ['say: "id"', "- created #1", "closed: 'at'", "yes", "{type}"]
    rows = [[str(n), "2024-05-01 08:00", "2024-05-02 08:00", "x", "noise"] for n in range(40)]
    path = write_csv(tmp_path / "x.csv", [header, *rows])
    folder = tmp_path / "street"
    write_profile(folder, inspect_export(path), "UTC")
    got = imported(folder, path)
    assert got.summary.rejected == 0
    assert len(got.of("closed")) == 40


def test_western_and_chinese_encodings_are_told_apart(tmp_path: Path) -> None:
    rows = [
        ["id", "created", "café au lait"],
        *([str(n), "2024-05-01", "déjà vu à Orléans"] for n in range(30)),
    ]
    assert inspect_export(write_csv(tmp_path / "x.csv", rows, encoding="cp1252")).layout.encoding == "cp1252"
    assert inspect_export(hotline(tmp_path / "y.csv")).layout.encoding == "gb18030"


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    inspection = inspect_export(nyc(tmp_path / "x.csv"))
    (tmp_path / "street").mkdir()
    with pytest.raises(InputError, match="is there already"):
        write_profile(tmp_path / "street", inspection, "UTC")
    assert list((tmp_path / "street").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match="cannot be written"):
        write_profile(tmp_path / "file" / "street", inspection, "UTC")


def test_a_column_of_texts_is_no_category_whatever_its_name(tmp_path: Path) -> None:
    rows = [["id", "created", "subject"], *([str(n), "2024-05-01", f"Call me, {n}"] for n in range(200))]
    folder = tmp_path / "true"
    write_profile(folder, inspect_export(write_csv(tmp_path / "x.csv", rows)), "UTC")
    assert "Call me" not in "".join(file.read_text() for file in folder.iterdir())
    assert load_profile(str(folder)).name_en == "true"


def test_a_time_zone_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no time zone 'Mars'"):
        write_profile(tmp_path / "street", inspect_export(nyc(tmp_path / "x.csv")), "Mars")
    assert not (tmp_path / "street").exists()


class TestCommands:
    def run(self, *arguments: str | Path) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["profile", *map(str, arguments)])
        assert "Traceback" not in result.output
        return result.exit_code, result.output

    def test_new_then_check(self, tmp_path: Path) -> None:
        path, folder = hotline(tmp_path / "export.csv"), tmp_path / "street"
        code, output = self.run("new", folder, "--from", path)
        assert code == 0
        told = " ".join(output.split())
        assert "200 rows looked at, gb18030 (a guess: --encoding names another), clocks of Asia/S" in told
        assert "reported  来电时间" in output
        assert output.count("Note:") == output.count("Note: 截止时间 has no time of day") == 1
        assert f"gridrates profile check {folder} --file {path}" in output
        code, output = self.run("check", folder, "--file", path)
        assert code == 0
        assert "street: 0 errors, 0 warnings" in output
        assert "200 rows: 200 mapped, 0 rejected" in output
        assert not list(tmp_path.glob("*.rejects.csv"))

    def test_json(self, tmp_path: Path) -> None:
        path, folder = nyc(tmp_path / "export.csv"), tmp_path / "street"
        code, output = self.run("new", folder, "--from", path, "--time-zone", "America/New_York", "--json")
        assert code == 0
        assert json.loads(output)["roles"]["id"] == "Unique Key"
        assert json.loads(output)["notes"] == []
        (folder / "units.csv").write_text("unit_code\nDSNY\n")
        code, output = self.run("check", folder, "--file", path, "--json")
        assert code == 0
        told = json.loads(output)
        assert told["trial"]["mapped"] == 300
        assert [finding["place"] for finding in told["findings"]] == ["units.csv"]
        assert "'NYPD' (300)" in told["findings"][0]["message"]

    def test_errors_and_rejects_are_exit_code_2(self, tmp_path: Path) -> None:
        path, folder = nyc(tmp_path / "export.csv"), tmp_path / "street"
        self.run("new", folder, "--from", path)
        (folder / "grids.csv").write_text("grid_code,parent_code,level\na,b,x\nb,a,x\n")
        code, output = self.run("check", folder)
        assert code == 2
        assert "error: grids.csv, line 2: the tree runs in a circle" in output
        (folder / "grids.csv").unlink()
        path.write_text(path.read_text().replace("05/01/2024", "99/99/2024"))
        code, output = self.run("check", folder, "--file", path)
        assert code == 2
        assert "fits none of its formats" in output

    def test_a_mapping_that_cannot_be_carried_out_is_found_without_a_file(self, tmp_path: Path) -> None:
        path, folder = nyc(tmp_path / "export.csv"), tmp_path / "street"
        self.run("new", folder, "--from", path)
        text = (folder / "mapping.yaml").read_text(encoding="utf-8")
        (folder / "mapping.yaml").write_text(text.replace("%I:%M", "%Q:%M"), encoding="utf-8")
        code, output = self.run("check", folder)
        assert code == 2
        assert "cannot be carried out" in output

    def test_a_profile_without_a_mapping_can_be_checked(self) -> None:
        code, output = self.run("check", "demo-street")
        assert code == 0
        assert "demo-street: 0 errors, 0 warnings" in output

    def test_boston_is_clean(self, boston_csv: Path) -> None:
        code, output = self.run("check", "boston-311", "--file", boston_csv)
        assert code == 0
        assert "boston-311: 0 errors, 0 warnings" in output
        assert "58,251 mapped, 0 rejected" in output
