"""The workbook in an office program: LibreOffice calculates every formula to the published value."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import openpyxl
import pytest

from gridrates.published_client import open_published
from reports import workbook
from reports.facts import gather
from reports.scope import parse
from tests.six_weeks import six_weeks

SOFFICE = shutil.which("soffice")
pytestmark = pytest.mark.skipif(
    SOFFICE is None, reason="LibreOffice is not installed (scripts/install-browser --with-office)"
)


def recalculated(path: Path, folder: Path) -> Path:
    """The workbook as LibreOffice saves it, with the values we wrote taken out, so that it must calculate."""
    book = openpyxl.load_workbook(path)
    book.save(folder / "bare.xlsx")
    subprocess.run(
        [
            str(SOFFICE),
            f"-env:UserInstallation=file://{folder}/profile",
            *("--headless", "--norestore", "--convert-to", "xlsx:Calc MS Excel 2007 XML"),
            *("--outdir", str(folder / "out"), str(folder / "bare.xlsx")),
        ],
        check=True,
        capture_output=True,
        timeout=180,
    )
    return folder / "out" / "bare.xlsx"


@pytest.mark.parametrize(("scope", "node"), [("2026-01", None), ("2026-01-21", "东泰宜游网格")])
def test_formulas_calculate_to_the_values_that_were_published(tmp_path, scope: str, node: str | None) -> None:
    path = tmp_path / "t.xlsx"
    with open_published(six_weeks().settings) as connection:
        workbook.write(path, gather(connection, parse(scope), node=node))
    written = openpyxl.load_workbook(path, data_only=True)
    formulas = openpyxl.load_workbook(path)
    found = openpyxl.load_workbook(recalculated(path, tmp_path), data_only=True)
    checked = 0
    for sheet in written.sheetnames:
        for row in written[sheet].iter_rows():
            for cell in row:
                value = found[sheet][cell.coordinate].value
                if isinstance(cell.value, int | float):
                    assert value == pytest.approx(cell.value, abs=1e-9), f"{sheet}!{cell.coordinate}"
                else:
                    assert value == cell.value, f"{sheet}!{cell.coordinate}"
                checked += str(formulas[sheet][cell.coordinate].value).startswith("=")
    assert checked > 20
