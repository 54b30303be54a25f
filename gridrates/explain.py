"""Why a figure is what it is: the cases in its numerator and denominator.

Reads the published file alone: the very SQL that puts cases into cohorts runs again over the published
tables, for a stretch of dates or for one case. Guarantees that the rows listed add up to the published
figure, but for dates whose newer figures are held back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from gridrates.errors import InputError, did_you_mean
from gridrates.profile import Profile
from gridrates.published_rates import (
    check_covered,
    choose_nodes,
    read_held_back,
    read_nodes,
    read_work_type,
)
from gridrates.recount import create_members
from transforms.indicators import Indicator, IndicatorFamily, load_indicators

SQL = Path(__file__).parent / "sql"
# What figures are counted by, beside places.
DIMENSIONS = ("unit", "category", "channel", "operator", "tag")


@dataclass(frozen=True)
class Member:
    """One thing counted: in the denominator, and in the numerator or why not.

    `points` are what it adds to a numerator that is a sum of points.
    """

    case_id: str
    thing_id: str
    due_on: date
    done_on: date | None
    is_in_numerator: bool
    points: float | None
    state: str
    due_at: str | None
    deadline_at: str | None
    finished_at: str | None


@dataclass(frozen=True)
class Explanation:
    """A figure of a stretch of dates and a place, and every thing behind it.

    On dates that are `held_back`, with the reason, it is newer than what is published. With `adds_points` the
    numerator is the sum of the members' points.
    """

    indicator_code: str
    indicator: Indicator
    formula: str
    basis: str
    value: float | None
    numerator: float
    denominator: int
    members: Sequence[Member]
    held_back: Mapping[date, str]
    adds_points: bool


def explain_figure(
    connection: duckdb.DuckDBPyConnection,
    profile: Profile,
    code: str,
    *,
    first: date,
    last: date,
    place: str,
    work_type: str,
    level: str | None = None,
) -> Explanation:
    """Everything behind the indicator `code` of the business dates from `first` to `last`.

    `place` is a node of the grid tree, by code or name; with one of `DIMENSIONS` as `level`, a code of that.
    The numerator is cut at the end of `last`, as the published figures of days and periods are.

    Raises InputError for dates that no figure is published of, an unknown indicator, kind of work or place.
    """
    family = load_indicators()
    indicator = _indicator(family, code)
    until = check_covered(connection, first, last)
    read_work_type(connection, work_type)
    top, bottom = family.measures[indicator.numerator], family.measures[indicator.denominator]
    create_members(connection, profile)
    cursor = connection.execute(
        (SQL / "explain_figure.sql").read_text(encoding="utf-8"),
        {
            "numerator": top.cohort,
            "numerator_count": top.count,
            "denominator": bottom.cohort,
            "first": first,
            "last": last,
            "until": until,
            "level": level,
            "place": _place(connection, place, level, last),
            "work_type": work_type,
        },
    )
    members = [Member(*row) for row in cursor.fetchall()]
    adds_points = top.count == "points"
    counted = sum(m.points or 0 for m in members) if adds_points else _in_numerator(members)
    return Explanation(
        indicator_code=code,
        indicator=indicator,
        formula=f"{family.formula(code, 'zh')} · {family.formula(code, 'en')}",
        basis=family.cohorts[bottom.cohort].basis,
        value=counted / len(members) if members else None,
        numerator=counted,
        denominator=len(members),
        members=members,
        held_back=read_held_back(connection, first, last),
        adds_points=adds_points,
    )


def explain_case(
    connection: duckdb.DuckDBPyConnection, profile: Profile, case_id: str
) -> list[tuple[str, ...]]:
    """Where a case counts: (cohort, Chinese name, thing, due on, done on, on time) a row."""
    family = load_indicators()
    create_members(connection, profile)
    text = (SQL / "explain_case.sql").read_text(encoding="utf-8")
    rows = connection.execute(text, {"case_id": case_id}).fetchall()
    return [(cohort, family.cohorts[cohort].zh, *map(str, rest)) for cohort, *rest in rows]


def _indicator(family: IndicatorFamily, code: str) -> Indicator:
    if code not in family.indicators:
        one_of = f"Name one of: {', '.join(family.indicators)}."
        raise InputError(
            f"There is no indicator {code!r}.",
            remedy=did_you_mean(code, family.indicators, otherwise=one_of),
        )
    return family.indicators[code]


def _in_numerator(members: Sequence[Member]) -> int:
    return sum(member.is_in_numerator for member in members)


def _place(connection: duckdb.DuckDBPyConnection, wanted: str, level: str | None, day: date) -> str:
    """The code of what was asked for. A node counts under its code also after it left the map."""
    table = "period_rates" if level in DIMENSIONS else "grid_paths"
    known = connection.execute(
        f"SELECT 1 FROM {table} WHERE code = $code AND level = coalesce($level, level) LIMIT 1",
        {"code": wanted, "level": level},
    ).fetchone()
    if known:
        return wanted
    if level in DIMENSIONS:
        raise InputError(
            f"No published figure is of the {level} {wanted!r}.",
            remedy=f"`gridrates query \"SELECT DISTINCT code FROM period_rates WHERE level = '{level}'\"` "
            "lists those there are.",
        )
    return choose_nodes(read_nodes(connection, day), level=level, code=wanted)[0].code
