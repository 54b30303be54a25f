"""The report and the list of reports in a real browser, from disk: what is fetched, shown and used.

Screenshots of the last run lie in pytest's temporary folder, for people to look at.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gridrates.settings import Settings
from reports.scope import parse
from reports.writing import write_report
from tests.six_weeks import six_weeks

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (scripts/install-browser)"),
]
PHONE, DESK, PAPER = 360, 1280, 720


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month of the whole and of a grid, a day, a kind of work; in pages."""
    folder = tmp_path_factory.mktemp("reports")
    settings: Settings = six_weeks().settings
    for scope, node, work_type in (
        ("2026-01", None, "all"),
        ("2026-01", "东泰宜游网格", "all"),
        ("2026-01-21", None, "all"),
        ("2026-W03", None, "dispute"),
    ):
        write_report(settings, parse(scope), node=node, work_type=work_type, formats=["html"], folder=folder)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    # The sandbox of Chromium does not work for root, as in a container.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


class Visit:
    """A page that is open, with what it fetched and complained of."""

    def __init__(self, context: Any, address: str) -> None:
        self.page = context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(address)

    def width(self) -> int:
        return int(self.page.evaluate("document.documentElement.scrollWidth"))

    def visible(self, text: str) -> bool:
        return bool(self.page.get_by_text(text, exact=True).first.is_visible())


@pytest.fixture
def visit(browser, folder) -> Iterator[Any]:
    contexts = []

    def open_page(name: str = "2026-01/total.html", width: int = DESK, **options: Any) -> Visit:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        return Visit(context, f"file://{folder}/{name}")

    yield open_page
    for context in contexts:
        context.close()


PAGES = [
    "2026-01/total.html",
    "2026-01/310199001000001.html",
    "2026-01-21/total.html",
    "2026-W03/total+dispute.html",
    "index.html",
]


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_fetched_and_nothing_goes_wrong(visit, name: str) -> None:
    seen = visit(name)
    assert [request for request in seen.requests if not request.startswith(("file://", "data:"))] == []
    assert len([request for request in seen.requests if request.startswith("file://")]) == 1
    assert seen.complaints == []


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_axe_finds_nothing_serious(visit, name: str, language: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = visit(name).page
    page.click(f"[data-language={language}]")
    for details in page.query_selector_all("details"):
        details.evaluate("each => { each.open = true; }")
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["impact"], each["nodes"][0]["html"]) for each in found] == []


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [PHONE, 768, DESK])
def test_the_layout_fits_every_width(visit, folder, tmp_path, name: str, width: int) -> None:
    seen = visit(name, width=width)
    seen.page.screenshot(path=tmp_path / f"{width}.png", full_page=True)
    assert seen.width() == width


@pytest.mark.parametrize("name", PAGES)
def test_the_layout_fits_paper(visit, tmp_path, name: str) -> None:
    seen = visit(name, width=PAPER)
    seen.page.emulate_media(media="print")
    seen.page.screenshot(path=tmp_path / "print.png", full_page=True)
    assert seen.width() == PAPER
    assert not seen.page.locator("[data-language]").first.is_visible()
    pdf = seen.page.pdf(prefer_css_page_size=True, print_background=True)
    assert re.search(rb"/MediaBox ?\[0 0 59[45][\d.]* 84[12]", pdf)


def test_the_language_is_switched_and_remembered(visit) -> None:
    seen = visit()
    assert seen.visible("核心指标") and not seen.visible("Headline rates")
    seen.page.click("[data-language=en]")
    assert seen.visible("Headline rates") and not seen.visible("核心指标")
    assert seen.page.title() == "Linyinli Subdistrict · January 2026 · Grid governance report"
    assert seen.page.get_attribute("html", "lang") == "en"
    assert seen.page.get_attribute("[data-language=en]", "aria-pressed") == "true"
    seen.page.reload()
    assert seen.visible("Headline rates")
    seen.page.click("[data-language=zh]")
    assert seen.visible("核心指标")


def test_no_word_of_the_other_language_is_left(visit) -> None:
    """Names that have no English, and quoted sources, stay as they are."""
    seen = visit()
    seen.page.click("[data-language=en]")
    shown = seen.page.inner_text("main")
    assert re.findall(r"[一-鿿]+", shown) == []


def test_everything_is_reached_by_keyboard(visit) -> None:
    page = visit().page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.get_attribute("html", "lang") == "en"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName"))
    assert {"BUTTON", "A", "SUMMARY", "DIV"} <= reached
    page.set_viewport_size({"width": PHONE, "height": 740})
    wide = page.locator(".scroll").filter(has=page.locator(".heat"))
    wide.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")


def test_without_scripts_the_chinese_page_is_whole(visit) -> None:
    seen = visit(java_script_enabled=False)
    assert seen.visible("核心指标")
    assert not seen.visible("Headline rates")


def test_drawings_do_not_share_names(visit) -> None:
    page = visit().page
    names = page.evaluate("Array.from(document.querySelectorAll('[id]')).map(each => each.id)")
    assert len(names) == len(set(names)) > 10
    assert page.evaluate("document.querySelectorAll('figure svg, .card svg').length") == 8


def test_a_heat_tables_cells_say_what_their_colour_says(visit) -> None:
    read = "Array.from(document.querySelectorAll('.heat td')).map(each => [each.className, each.textContent])"
    cells = visit().page.evaluate(read)
    assert len(cells) == 4 * 31
    for shade, text in cells:
        if text == "—":
            assert shade == "none"
        elif int(text) not in (60, 80, 95):  # written as a whole number: which side it was on is not told
            assert shade == f"h{sum(int(text) > step for step in (60, 80, 95))}"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("", 4),
        ("2026-01-21", 1),
        ("2026年1月21日", 1),
        ("january", 4),
        ("东泰", 1),
        ("dongtai january", 1),
        ("矛盾纠纷", 1),
        ("w03 DISPUTE", 1),
        ("nothing like it", 0),
    ],
)
def test_the_list_is_searched_by_date_period_node_and_work(visit, wanted: str, found: int) -> None:
    page = visit("index.html").page
    page.fill("#search", wanted)
    assert page.locator("[data-words]:visible").count() == found
    assert page.inner_text("#found") == str(found)
    assert page.locator("section:visible").count() <= found


def test_the_list_leads_to_each_report_and_back(visit) -> None:
    seen = visit("index.html")
    links = seen.page.evaluate("Array.from(document.querySelectorAll('.reports a')).map(each => each.href)")
    assert len(links) == 4
    for link in links:
        seen.page.goto(link)
        assert seen.page.locator("h1").is_visible()
        seen.page.click("header a:not(.skip)")
        assert seen.page.url.endswith("/index.html")
