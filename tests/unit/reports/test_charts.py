"""Charts: drawings without words, whole at the edges, with names of their own."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from reports import charts

NO_CASES = [{"at": f"05-0{n}", "bar": 0, "line": 0, "rate": None, "other": None} for n in range(1, 8)]
SOME = [{"at": f"05-0{n}", "bar": n % 3, "line": 1, "rate": n / 10, "other": None} for n in range(1, 8)]
MANY = [{"at": f"d{n}", "bar": n * 1000, "line": n, "rate": 1, "other": 0} for n in range(60)]
AGES = [{"label": "1", "age": age, "count": age} for age in range(4)]


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    return [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("draw", [charts.rate_line, charts.counts_over_time, charts.two_rates])
@pytest.mark.parametrize(
    "points", [NO_CASES, SOME, MANY, SOME[:1], []], ids=["none", "some", "many", "one", "empty"]
)
def test_any_points_give_a_drawing_of_numbers_and_dates(draw, points) -> None:
    svg = draw(points)
    assert all(re.fullmatch(r"[\d,.%–-]*|d\d+", text) for text in texts(svg)), texts(svg)
    assert re.match(r"<svg [^>]*viewBox=", svg)
    assert not re.search(r"<svg[^>]* (width|height)=", svg)


@pytest.mark.parametrize("points", [SOME, MANY])
def test_counts_stand_at_whole_numbers_once_each(points) -> None:
    written = [text for text in texts(charts.counts_over_time(points)) if re.fullmatch(r"[\d,]+", text)]
    assert len(written) == len(set(written)) <= 7


@pytest.mark.parametrize(
    ("most", "written"),
    [(0, "0"), (4, "0 2 4"), (7, "0 2 4 6"), (33, "0 10 20 30"), (844, "0 400 800")],
)
def test_counts_stand_at_round_numbers(most: int, written: str) -> None:
    svg = charts.counts_over_time([{"at": "05-01", "bar": most, "line": 0}])
    found = [text for text in texts(svg) if re.fullmatch(r"[\d,]+", text)]
    assert found == written.split()


def test_a_rates_axis_goes_from_nothing_to_all() -> None:
    assert {"0%", "50%", "100%"} <= set(texts(charts.rate_line(SOME)))


def test_many_labels_are_thinned_and_the_last_one_stays() -> None:
    labels = [text for text in texts(charts.rate_line(MANY)) if text.startswith("d")]
    assert len(labels) <= 8
    assert labels[-1] == "d59"


def test_bars_are_stacked_in_the_order_of_age() -> None:
    svg = charts.stacked_ages(AGES)
    assert all(colour in svg for colour in charts.AGES[1:])
    assert texts(svg)[-1] == "1"


def test_drawings_get_names_of_their_own() -> None:
    svg = charts.rate_line(SOME)
    named = charts.with_own_names(svg, "first")
    names = re.findall(r'\bid="([^"]+)"', named)
    assert all(name.startswith("first-") for name in names)
    assert set(re.findall(r"url\(#([^)]+)\)", named)) <= set(names)
    assert len(names) == len(re.findall(r'\bid="', svg))


def test_nothing_in_a_drawing_is_fetched() -> None:
    for svg in (charts.rate_line(SOME), charts.counts_over_time(SOME), charts.stacked_ages(AGES)):
        addresses = set(re.findall(r'https?://[^"]+', svg))
        assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
