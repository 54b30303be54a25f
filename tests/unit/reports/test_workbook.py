"""What other people wrote is text in the workbook, whatever it looks like."""

from __future__ import annotations

from pathlib import Path

import openpyxl

from reports.scope import parse
from reports.writing import write_report
from tests.events import event
from tests.published_street import ZONE, events, make_settings, publish_street

CODES = {"channel": "=HYPERLINK(A1,B1)", "unit_code": "=1+1", "category_code": "http://127.0.0.1/"}


def test_a_code_is_neither_a_formula_nor_a_link(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    publish_street(settings, [*events(), event("Z", "filed", "2026-05-02 09:00", ZONE, **CODES)])
    (path,) = write_report(settings, parse("2026-05-02"), formats=["xlsx"])
    cells = [cell for sheet in openpyxl.load_workbook(path) for row in sheet.iter_rows() for cell in row]
    found = [
        cell for cell in cells if isinstance(cell.value, str) and cell.value.endswith(tuple(CODES.values()))
    ]
    assert len(found) == len(CODES)
    assert {(cell.data_type, cell.hyperlink) for cell in found} == {("s", None)}
    assert any(cell.data_type == "f" for cell in cells), "rates are formulas"
