"""Why a figure is what it is: the cases in its numerator and denominator.

Reads the published file alone: the very SQL that puts cases into cohorts runs again over the published
tables, for one date or for one case. Guarantees that the rows listed add up to the published figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from gridrates.errors import InputError
from gridrates.profile import Profile
from gridrates.recount import create_members
from transforms.indicators import Indicator, IndicatorFamily, load_indicators

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True)
class Member:
    """One thing counted: in the denominator, and in the numerator or why not."""

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
    """A figure of one date and place, and every thing behind it."""

    indicator: Indicator
    formula: str
    basis: str
    value: float | None
    numerator: float
    denominator: int
    members: Sequence[Member]


def explain_figure(
    connection: duckdb.DuckDBPyConnection,
    profile: Profile,
    code: str,
    *,
    day: date,
    place: str,
    work_type: str,
) -> Explanation:
    """Everything behind the indicator `code` on a business date at a node of the grid tree.

    Raises InputError for an unknown indicator or node, and for one whose parts are of different cohorts.
    """
    family = load_indicators()
    indicator = _indicator(family, code)
    top, bottom = family.measures[indicator.numerator], family.measures[indicator.denominator]
    create_members(connection, profile)
    cursor = connection.execute(
        (SQL / "explain_figure.sql").read_text(encoding="utf-8"),
        {
            "numerator": top.cohort,
            "numerator_count": top.count,
            "denominator": bottom.cohort,
            "day": day,
            "place": place,
            "work_type": work_type,
        },
    )
    members = [Member(*row) for row in cursor.fetchall()]
    if not members:
        _check_place(connection, place)
    counted = sum(m.points or 0 for m in members) if top.count == "points" else _in_numerator(members)
    return Explanation(
        indicator=indicator,
        formula=f"{family.formula(code, 'zh')} · {family.formula(code, 'en')}",
        basis=family.cohorts[bottom.cohort].basis,
        value=counted / len(members) if members else None,
        numerator=counted,
        denominator=len(members),
        members=members,
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
        raise InputError(
            f"There is no indicator {code!r}.", remedy=f"Name one of: {', '.join(family.indicators)}."
        )
    return family.indicators[code]


def _in_numerator(members: Sequence[Member]) -> int:
    return sum(member.is_in_numerator for member in members)


def _check_place(connection: duckdb.DuckDBPyConnection, place: str) -> None:
    known = connection.execute("SELECT 1 FROM grid_paths WHERE code = ? LIMIT 1", [place]).fetchone()
    if known is None:
        raise InputError(
            f"There is no node {place!r} in the grid tree.", remedy='Look at `gridrates query "FROM grids"`.'
        )
