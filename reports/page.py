"""The daily report as one HTML page: everything inside it, nothing fetched, in two languages.

Takes `Facts`; gives the page's text. Charts are drawing only: what they show is written beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import jinja2
from markupsafe import Markup

from reports.facts import KINDS_OF_SUBJECT, Facts, Rank, Row, ScoreRank
from reports.scope import Scope
from reports.words import amount, level_words, percent, refusal_words

TEMPLATES = Path(__file__).parent / "templates"
# What happened, each on its own date, in the order of a case's life.
FLOW = (
    "reported_count",
    "filed_count",
    "dispatched_count",
    "signed_count",
    "returned_count",
    "handled_count",
    "closed_count",
    "self_disposed_count",
    "voided_count",
    "overdue_count",
)
AGES = ("age_3_days_count", "age_7_days_count", "age_30_days_count", "age_over_30_days_count")
SUBJECT_TITLES = {
    "unit": ("承办单位", "Responsible units"),
    "category": ("类别", "Categories"),
    "channel": ("来源渠道", "Channels"),
}
# A heat table's shades, from the one for the lowest rates up; `_heat` says which rate has which.
SHADES = (
    ("h0", "60% 以下", "below 60%"),
    ("h1", "60%–80%", "60–80%"),
    ("h2", "80%–95%", "80–95%"),
    ("h3", "95% 及以上", "95% and more"),
)
LIST_COLOURS = {
    "red": ("红榜", "red: praised"),
    "yellow": ("黄榜", "yellow: warned"),
    "black": ("黑榜", "black: named"),
}
R = TypeVar("R", Rank, ScoreRank)
# Rows of a table that are shown before the reader asks for all.
FIRST_ROWS = 12
TREND_WORDS = {"day": ("近30日", "the last 30 days")}
LONGER_TREND_WORDS = ("近12期", "the last 12 periods")


@dataclass(frozen=True)
class Drawings:
    """The page's charts as SVG; of rates only where there ever was one. `trends` are by indicator."""

    trends: Mapping[str, Markup]
    flow: Markup
    satisfaction: Markup | None
    ages: Markup


def render(facts: Facts, *, index: str = "../index.html") -> str:
    """The page; `index` is the address of the list of reports, as seen from it."""
    template = environment().get_template("page.html.j2")
    return template.render(
        facts=facts,
        drawings=_draw(facts),
        index=index,
        flow=FLOW,
        ages=AGES,
        colours=_colours(),
        subject_titles=SUBJECT_TITLES,
        kinds_of_subject=KINDS_OF_SUBJECT,
        first_rows=FIRST_ROWS,
        trend_words=TREND_WORDS.get(facts.scope.kind, LONGER_TREND_WORDS),
        composites=_apart(facts.rankings, key=lambda rank: rank.composite),
        score_lists=_apart(facts.score_rankings, key=lambda rank: rank.activity_kind),
        colours_of_lists=LIST_COLOURS,
        level_words=level_words,
        refusal_words=refusal_words,
        shades=SHADES,
    )


def _draw(facts: Facts) -> Drawings:
    from reports import charts

    def named(svg: str, name: str) -> Markup:
        # The drawing is our own program's; it quotes nothing but numbers, dates and names it has escaped.
        return Markup(charts.with_own_names(svg, name))

    trends = {
        indicator.indicator_code: [
            {"at": _label(scope), "rate": row.figure(indicator).rate} for scope, row in _known(facts)
        ]
        for indicator in facts.headline
    }
    satisfied = _satisfaction_points(facts)
    return Drawings(
        trends={
            code: named(charts.rate_line(points), code)
            for code, points in trends.items()
            if _is_known(points)
        },
        flow=named(charts.counts_over_time(_flow_points(facts)), "flow"),
        satisfaction=named(charts.two_rates(satisfied), "satisfaction") if _is_known(satisfied) else None,
        ages=named(charts.stacked_ages(_age_points(facts)), "ages"),
    )


def _known(facts: Facts) -> Sequence[tuple[Scope, Row]]:
    """The trend from where there is anything to know: before the first event there is no zero either."""
    first = next((n for n, (_, row) in enumerate(facts.trend) if row.counts), 0)
    return facts.trend[first:]


def _is_known(points: Sequence[Mapping[str, Any]]) -> bool:
    return any(point["rate"] is not None for point in points)


def _flow_points(facts: Facts) -> list[dict[str, Any]]:
    return [
        {"at": _label(scope), "bar": row.count("reported_count"), "line": row.count("closed_count")}
        for scope, row in _known(facts)
    ]


def _satisfaction_points(facts: Facts) -> list[dict[str, Any]]:
    satisfied, covered = facts.indicators["satisfaction_rate"], facts.indicators["visit_coverage_rate"]
    return [
        {"at": _label(scope), "rate": row.figure(satisfied).rate, "other": row.figure(covered).rate}
        for scope, row in _known(facts)
    ]


def _age_points(facts: Facts) -> list[dict[str, Any]]:
    """A bar a child, or for a node without children one for itself; codes, because names have a language."""
    rows = facts.open_cases[1:] or facts.open_cases
    return [
        {"label": str(number), "age": age, "count": row.count(column)}
        for number, row in enumerate(rows, start=1)
        for age, column in enumerate(AGES)
    ]


def _colours() -> Mapping[str, Any]:
    from reports import charts

    return {"first": charts.BLUE, "bars": charts.LIGHT, "second": charts.ORANGE, "ages": charts.AGES}


def _apart(ranks: Sequence[R], key: Callable[[R], str]) -> list[list[R]]:
    """The rankings apart: one a key and level."""
    apart: dict[tuple[str, str], list[R]] = {}
    for rank in ranks:
        apart.setdefault((key(rank), rank.subject.level), []).append(rank)
    return list(apart.values())


def _label(scope: Scope) -> str:
    """A step of a trend, short: the month and day, or the period."""
    return f"{scope.first:%m-%d}" if scope.kind == "day" else scope.key


@cache
def environment() -> jinja2.Environment:
    """The templates, with the filters they share."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "amount": amount,
        "local": _local,
        "step": _label,
        "heat": _heat,
    }
    return environment


def _local(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def _heat(rate: float | None) -> str:
    """The class of a heat table's cell."""
    if rate is None:
        return "none"
    return "h0" if rate < 0.6 else "h1" if rate < 0.8 else "h2" if rate < 0.95 else "h3"
