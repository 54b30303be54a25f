"""Charts as SVG, drawn without a browser and without words.

Takes figures, gives SVG text to be put into a page as it is. What a chart shows is said beside it in the
page, in the reader's language; so a chart holds numbers and dates only, and is the same in every language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert

# Dark enough on white, and told apart by people who do not see red and green alike.
BLUE, LIGHT, ORANGE, GREY = "#1f5f99", "#8fb4d6", "#b45309", "#6b7280"
AGES = ("#9ec5e8", "#5b9bd0", "#b45309", "#7c2d12")
FONT = "system-ui, 'Noto Sans CJK SC', 'Microsoft YaHei', 'PingFang SC', sans-serif"

Point = Mapping[str, Any]


def rate_line(points: Sequence[Point], *, width: int = 210, height: int = 64) -> str:
    """A rate over time: `at` (label) and `rate` (0 to 1, or None for a gap)."""
    axis = alt.Axis(format="%", values=[0, 0.5, 1], title=None, domain=False, ticks=False)
    line = _over_time(points).encode(y=alt.Y("rate:Q", scale=alt.Scale(domain=[0, 1]), axis=axis))
    drawn = line.mark_line(color=BLUE, strokeWidth=1.5) + line.mark_point(
        color=BLUE, filled=True, size=14, opacity=1
    )
    return _svg(drawn, width, height)


def counts_over_time(points: Sequence[Point], *, width: int = 430, height: int = 130) -> str:
    """Two counts over time: `at` (label), `bar` and `line`."""
    base = _over_time(points)
    axis = _whole_numbers(max((max(p["bar"], p["line"]) for p in points), default=0))
    bars = base.mark_bar(color=LIGHT).encode(y=alt.Y("bar:Q", axis=axis))
    line = base.mark_line(color=ORANGE, point=alt.OverlayMarkDef(color=ORANGE, size=18)).encode(y="line:Q")
    return _svg(bars + line, width, height)


def two_rates(points: Sequence[Point], *, width: int = 430, height: int = 120) -> str:
    """Two rates over time: `at` (label), `rate` and `other` (0 to 1, or None)."""
    base = _over_time(points)
    scale, axis = alt.Scale(domain=[0, 1]), alt.Axis(format="%", title=None, domain=False, tickCount=5)
    first = base.mark_line(color=BLUE, point=alt.OverlayMarkDef(color=BLUE, size=18)).encode(
        y=alt.Y("rate:Q", scale=scale, axis=axis)
    )
    second = base.mark_line(
        color=ORANGE, strokeDash=[5, 3], point=alt.OverlayMarkDef(color=ORANGE, size=18, shape="square")
    ).encode(y=alt.Y("other:Q", scale=scale))
    return _svg(first + second, width, height)


def stacked_ages(rows: Sequence[Point], *, width: int = 400) -> str:
    """Open cases by age: `label`, `age` (0 to 3, the youngest first) and `count`, a bar a label."""
    labels = list(dict.fromkeys(row["label"] for row in rows))
    longest = max((sum(r["count"] for r in rows if r["label"] == label) for label in labels), default=0)
    chart = (
        _chart(rows)
        .mark_bar(stroke="white", strokeWidth=1)
        .encode(
            x=alt.X("sum(count):Q", axis=_whole_numbers(longest)),
            y=alt.Y("label:N", sort=labels, axis=alt.Axis(title=None, ticks=False, labelLimit=160)),
            color=alt.Color("age:O", scale=alt.Scale(domain=[0, 1, 2, 3], range=list(AGES)), legend=None),
            order="age:O",
        )
    )
    return _svg(chart, width, 26 * len(labels))


def _chart(rows: Sequence[Point]) -> alt.Chart:
    return alt.Chart(alt.Data(values=list(rows)))  # type: ignore[no-untyped-call]


def _over_time(points: Sequence[Point]) -> alt.Chart:
    return _chart(points).encode(x=alt.X("at:O", axis=_sparse_axis(points), sort=None))


def _sparse_axis(points: Sequence[Point]) -> alt.Axis:
    """Every label where there are few, else about six, the last among them."""
    labels = [point["at"] for point in points]
    step = max(1, len(labels) // 6)
    shown = labels[::-1][::step]
    return alt.Axis(title=None, values=shown, labelAngle=0, labelOverlap=True, ticks=False)


def _whole_numbers(most: int) -> alt.Axis:
    """An axis of counts: at most five steps, each a round number."""
    step = next(size * 10**zeros for zeros in range(20) for size in (1, 2, 5) if size * 10**zeros * 5 >= most)
    return alt.Axis(title=None, domain=False, format="d", values=list(range(0, most + step, step)))


def _svg(chart: alt.Chart | alt.LayerChart, width: int, height: int) -> str:
    styled = (
        chart.properties(width=width, height=height, background="transparent")
        .configure(font=FONT, aria=False)
        .configure_view(stroke=None)
        .configure_axis(labelColor=GREY, labelFontSize=10, gridColor="#e5e7eb", domainColor="#9ca3af")
    )
    svg = vl_convert.vegalite_to_svg(styled.to_dict())
    return _scalable(svg)


def _scalable(svg: str) -> str:
    """Let the page decide on the size: the drawing keeps its proportions."""
    return re.sub(
        r'(<svg[^>]*?) width="[\d.]+" height="[\d.]+"', r'\1 preserveAspectRatio="xMidYMid meet"', svg
    )


def with_own_names(svg: str, name: str) -> str:
    """The drawing with its ids made its own, for pages that hold several."""
    named = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", named)
