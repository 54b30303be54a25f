"""Where reports lie: names of any code, whole files, and what does not belong to them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest

from reports.files import Place, places, replacing
from reports.scope import parse

CODES = ["total", "310199001000001", "a/b", "..", "x+y", "网格 一", "100%", "a.b", "#?&"]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("work_type", ["all", "dispute", "a+b/c"])
def test_any_code_has_a_file_and_is_found_again(tmp_path: Path, code: str, work_type: str) -> None:
    place = Place(parse("2026-05"), code, work_type, ("html", "md"))
    for each in place.formats:
        with replacing(place.path(tmp_path, each)) as aside:
            aside.write_text("x")
    assert list(places(tmp_path)) == [place]
    assert place.path(tmp_path, "html").parent == tmp_path / "2026-05"


@pytest.mark.parametrize("code", CODES)
def test_an_address_leads_to_the_file(tmp_path: Path, code: str) -> None:
    place = Place(parse("2026-05-02"), code)
    assert tmp_path / unquote(place.address("xlsx")) == place.path(tmp_path, "xlsx")


def test_what_is_no_report_is_passed_over(tmp_path: Path) -> None:
    for name in ("notes/total.html", "2026-05/total.pdf", "2026-05/.1-total.html", "2026-05/total.html"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "index.html").write_text("x")
    assert [(place.code, place.formats) for place in places(tmp_path)] == [("total", ("html",))]


def test_a_file_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "2026" / "total.md"
    with replacing(file) as aside:
        aside.write_text("first")
    with pytest.raises(RuntimeError), replacing(file) as aside:
        aside.write_text("half of the sec")
        raise RuntimeError
    assert [each.read_text() for each in file.parent.iterdir()] == ["first"]
