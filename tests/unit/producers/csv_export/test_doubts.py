"""What is doubtful is told of: dates that could be read in two ways, unless any row tells, and steps that run
backwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from producers.csv_export import import_exports
from producers.csv_export.memory import Memory
from tests.exporting import import_rows, mapping_of, write_csv

HEADER = ["id", "opened", "closed"]


def mapping(*formats: str, **more: Any) -> dict[str, Any]:
    closed = {"at": "closed", "when": {"closed": "present"}, **more}
    events = {"reported": "opened", "closed": closed}
    return {"source": "s", "id": "id", "time_formats": list(formats), "events": events}


def noted(tmp_path: Path, rules: dict[str, Any], *rows: Sequence[str]) -> list[str]:
    return import_rows(
        tmp_path, [HEADER, *([f"a{n}", *row] for n, row in enumerate(rows))], rules
    ).summary.notes


@pytest.mark.parametrize("order", ["%d/%m/%Y", "%m/%d/%Y", "%m-%d-%y", "%d-%m-%Y %H:%M", "%m.%d.%Y"])
def test_dates_that_no_row_tells_are_noted(order: str, tmp_path: Path) -> None:
    cell = order.replace("%d", "03").replace("%m", "04").replace("%Y", "2024").replace("%y", "24")
    cell = cell.replace("%H:%M", "08:05")
    assert noted(tmp_path, mapping(order), [cell, ""]) == [
        "Day and month could stand in either order in opened: no value tells. They are read as "
        f"{order}; mend `time_formats` if that is wrong."
    ]


@pytest.mark.parametrize(
    ("order", "cell"),
    [
        ("%d/%m/%Y", "13/04/2024"),
        ("%Y-%m-%d", "2024-03-04"),
        ("%d.%m.%Y", "03.04.2024"),
        ("%d-%b-%Y", "03-Apr-2024"),
        ("iso8601", "2024-03-04T08:05:00Z"),
    ],
)
def test_what_can_be_read_in_one_way_is_not_noted(order: str, cell: str, tmp_path: Path) -> None:
    assert noted(tmp_path, mapping(order), [cell, ""]) == []


def test_one_value_speaks_for_all_columns_of_its_order_wherever_it_stands(tmp_path: Path) -> None:
    rows = [["03/04/2024", ""] for _ in range(25_000)]
    rules = mapping("%d/%m/%Y")
    assert len(noted(tmp_path, rules, *rows)) == 1
    assert noted(tmp_path, rules, *rows, ["03/04/2024", "13/04/2024"]) == []
    own = mapping("%d/%m/%Y", at={"column": "closed", "formats": ["%m/%d/%Y"]})
    (note,) = noted(tmp_path, own, ["13/04/2024", "05/04/2024"])
    assert "in closed: no value tells. They are read as %m/%d/%Y" in note


def test_rejected_values_that_fit_the_other_order_speak_against_the_mapping(tmp_path: Path) -> None:
    (note,) = noted(tmp_path, mapping("%d/%m/%Y"), ["03/04/2024", ""], ["03/14/2024", ""], ["03/15/2024", ""])
    assert note.endswith("It probably is: 2 other values fit only the other order.")


def test_both_orders_in_one_mapping_are_noted(tmp_path: Path) -> None:
    (note,) = noted(tmp_path, mapping("%d/%m/%Y", "%m/%d/%Y"), ["13/04/2024", ""])
    assert note.startswith("The formats of opened, closed have day and month in both orders")


def test_a_date_and_a_time_of_day_that_are_joined_are_looked_at(tmp_path: Path) -> None:
    rules = mapping("%m/%d/%Y %H:%M")
    rules["events"] = {"reported": {"at": {"template": "{opened} {closed}"}}}
    (note,) = noted(tmp_path, rules, ["03/04/2024", "08:05"])
    assert "either order in opened, closed: no value tells" in note


def test_it_is_not_said_again_unless_something_speaks_against_it(tmp_path: Path) -> None:
    rules = mapping_of(mapping("%d/%m/%Y"))

    def imported(*rows: Sequence[str]) -> list[str]:
        path = write_csv(tmp_path / "x.csv", [HEADER, *rows])
        with Memory(tmp_path / "imports", "x", "s") as memory:
            summary = import_exports([path], rules, publish=lambda pairs, *, origins: None, memory=memory)
            memory.keep()
        return summary.notes

    first = ["a1", "03/04/2024", ""]
    assert len(imported(first)) == 1
    assert imported(first, ["a2", "05/04/2024", ""]) == []
    assert "It probably is: 1 other" in imported(first, ["a3", "05/14/2024", ""])[0]


def test_steps_that_run_backwards_are_noted_with_the_first_row(tmp_path: Path) -> None:
    rules = mapping("%Y-%m-%d %H:%M")
    rules["events"] |= {"supervised": {"at": "opened"}}
    fine, same = ["2024-05-01 08:00", "2024-05-01 09:00"], ["2024-05-01 08:00"] * 2
    wrong = ["2024-05-01 08:00", "2024-04-30 09:00"]
    assert noted(tmp_path, rules, fine, same, ["2024-05-01 08:00", ""]) == []
    assert noted(tmp_path, rules, fine, wrong, ["x", wrong[1]], wrong) == [
        "`closed` lies before an earlier step of its row in 2 rows, first in export.csv, row 2 (line 3). "
        "They are mapped as they stand."
    ]


def test_utf8_that_the_mapping_reads_as_something_else_is_noted(tmp_path: Path) -> None:
    rules = {"source": "s", "id": "id", "events": {"reported": {"at": "opened", "grid_code": "grid"}}}
    rows = [["id", "opened", "grid"], ["a1", "2024-05-01", "城管执法中队"]]
    for encoding, read_as in (("utf-8", "gb18030"), ("utf-8", "cp1252")):
        got = import_rows(tmp_path, rows, rules | {"encoding": read_as}, encoding=encoding)
        assert got.summary.notes == [
            f"export.csv is UTF-8 by all its first bytes, and is read as {read_as}, which the mapping names: "
            "look whether its words are right."
        ]
    for encoding, read_as in (("gbk", "gb18030"), ("utf-8", "utf_8"), ("utf-8", "utf-8-sig")):
        assert (
            import_rows(tmp_path, rows, rules | {"encoding": read_as}, encoding=encoding).summary.notes == []
        )
    plain = [rows[0], ["a1", "2024-05-01", "north"]]
    assert import_rows(tmp_path, plain, rules | {"encoding": "gb18030"}).summary.notes == []
