"""Every link of every page leads somewhere, and every page can be found."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.unit.docs.pages import README, README_ZH, ROOT, Page, pages

OUTSIDE = ("http://", "https://", "mailto:")


def broken(page: Page, root: Path = ROOT) -> list[str]:
    """The links of a page that lead nowhere inside the project."""
    inside = [link for link in page.links if not link.startswith(OUTSIDE)]
    return [link for link in inside if not leads_somewhere(page, link, root)]


def leads_somewhere(page: Page, link: str, root: Path) -> bool:
    file, _, anchor = unquote(link).partition("#")
    target = (page.path.parent / file).resolve() if file else page.path.resolve()
    if not target.exists() or not target.is_relative_to(root.resolve()):
        return False
    return not anchor or (target.suffix == ".md" and anchor in Page(target).anchors)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Page) -> None:
    assert broken(page) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "other.md").write_text("# One\n")
    page = Page(tmp_path / "docs" / "page.md")
    page.path.write_text(
        "# A `b` heading: 中文，two\n## Twice\n## Twice\n"
        "[1](#a-b-heading-中文two) [2](#twice-1) [3](../other.md#one) [4](https://example.org/x)\n"
        "[5](#twice-2) [6](gone.md) [7](../other.md#two) [8](../../)\n",
        encoding="utf-8",
    )
    assert broken(page, tmp_path) == ["#twice-2", "gone.md", "../other.md#two", "../../"]


def test_every_page_of_the_documentation_is_on_its_map() -> None:
    index = Page(ROOT / "docs" / "index.md")
    listed = {(index.path.parent / link.partition("#")[0]).resolve() for link in index.links}
    written = {page.path.resolve() for page in pages() if page.path.parent.is_relative_to(ROOT / "docs")}
    missing = sorted(path.name for path in written - listed - {index.path.resolve()})
    assert missing == [], "name these pages in docs/index.md"


def test_the_two_readmes_know_each_other() -> None:
    assert README_ZH.name in Page(README).links
    assert README.name in Page(README_ZH).links
