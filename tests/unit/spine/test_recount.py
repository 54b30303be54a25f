"""Counting again from the published cases: equal to what is published, and what only it can say."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gridrates.errors import InputError
from gridrates.explain import explain_case
from gridrates.profile import load_profile
from gridrates.published_client import open_published
from gridrates.recount import recount_rates
from gridrates.settings import Settings
from tests.published_street import course, events, make_settings, publish_street

# On 2 May the neighbourhood E1 passes from East to West.
REDRAWN = """tree,grid_code,parent_code,level,name_zh,name_en,valid_from,valid_to
grid,S,,street,两格街道,Two Grids Street,,
grid,E,S,grid,东网格,East grid,,
grid,W,S,grid,西网格,West grid,,
grid,E1,E,community,梧桐居民区,Wutong neighbourhood,,2026-05-02
grid,E1,W,community,梧桐居民区,Wutong neighbourhood,2026-05-02,
grid,L,E,community,老居民区,Old neighbourhood,,2026-05-02
"""
FIRST, LAST = date(2026, 5, 1), date(2026, 5, 2)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = make_settings(tmp_path_factory.mktemp("street"))
    Path(settings.profile, "grids.csv").write_text(REDRAWN, encoding="utf-8")
    early = {"filed": "09:00", "dispatched": "09:05", "signed": "09:10", "handled": "10:00"}
    made = [
        *events(),
        # Filed before E1 passed to West, closed only the day after it fell due.
        *course("E9", "E1", "2026-05-01", **early, closed="11:00"),
        # In a neighbourhood that is not on the map any more.
        *course("L0", "L", "2026-05-01", **early, closed="12:00"),
    ]
    publish_street(settings, made)
    return settings


@pytest.fixture
def published(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_published(settings) as connection:
        yield connection


def table(connection: duckdb.DuckDBPyConnection, where: str = "TRUE") -> list[tuple[Any, ...]]:
    cursor = connection.execute(f"SELECT * FROM daily_rates WHERE {where}")
    names = [column[0] for column in cursor.description or ()]
    return sorted(tuple(sorted(zip(names, map(str, row), strict=True))) for row in cursor.fetchall())


def closure(connection: duckdb.DuckDBPyConnection, code: str) -> dict[date, tuple[int, int]]:
    rows = connection.execute(
        "SELECT business_date, closure_done_count, closure_due_count FROM daily_rates "
        "WHERE code = $code AND work_type = 'all'",
        {"code": code},
    ).fetchall()
    return {day: (done, due) for day, done, due in rows}


@pytest.mark.parametrize(("first", "last"), [(FIRST, LAST), (LAST, LAST), (FIRST, date(2027, 1, 1))])
def test_a_recount_by_date_is_what_is_published(
    settings: Settings, published: duckdb.DuckDBPyConnection, first: date, last: date
) -> None:
    between = f"business_date BETWEEN '{first}' AND '{last}'"
    before = table(published, between)
    assert before
    recount_rates(published, load_profile(settings.profile), first, last, whole=False)
    assert table(published) == before


def test_a_span_of_one_date_is_that_date(settings: Settings, published: duckdb.DuckDBPyConnection) -> None:
    for day in (FIRST, LAST):
        recount_rates(published, load_profile(settings.profile), day, day, whole=False)
        daily = table(published)
        recount_rates(published, load_profile(settings.profile), day, day, whole=True)
        assert table(published) == daily


def test_a_span_is_cut_at_its_own_end(settings: Settings, published: duckdb.DuckDBPyConnection) -> None:
    """W0 fell due on 2 May and is open: of two days' cases all others are closed by the end."""
    assert closure(published, "total") == {FIRST: (3, 3), LAST: (3, 4)}
    recount_rates(published, load_profile(settings.profile), FIRST, LAST, whole=True)
    assert closure(published, "total") == {LAST: (6, 7)}


def test_the_current_map_moves_what_was_filed_before(
    settings: Settings, published: duckdb.DuckDBPyConnection
) -> None:
    assert closure(published, "E") == {FIRST: (3, 3)}
    assert closure(published, "W")[LAST] == (3, 4)
    recount_rates(published, load_profile(settings.profile), FIRST, LAST, whole=False, drawn_on=LAST)
    assert closure(published, "E") == {}
    assert closure(published, "W") == {FIRST: (2, 2), LAST: (3, 4)}
    assert closure(published, "unassigned") == {FIRST: (1, 1)}
    assert closure(published, "total") == {FIRST: (3, 3), LAST: (3, 4)}


def test_every_map_counts_everything_once(settings: Settings, published: duckdb.DuckDBPyConnection) -> None:
    for whole, drawn_on in itertools.product((False, True), (None, FIRST, LAST)):
        recount_rates(published, load_profile(settings.profile), FIRST, LAST, whole=whole, drawn_on=drawn_on)
        (difference,) = (
            published.execute(
                "SELECT sum(filed_count) FILTER (WHERE level = 'total') "
                "- sum(filed_count) FILTER (WHERE level IN ('street', 'unassigned')) FROM daily_rates"
            ).fetchone()
            or ()
        )
        assert difference == 0


def test_another_profile_counts_nothing(published: duckdb.DuckDBPyConnection) -> None:
    """Its rules are not those of the file: the figures would be wrong, and nobody would see it."""
    for use in (
        lambda: recount_rates(published, load_profile("boston-311"), FIRST, LAST, whole=True),
        lambda: explain_case(published, load_profile("boston-311"), "E0"),
    ):
        with pytest.raises(InputError, match="published for the profile two-grids") as caught:
            use()
        assert "--profile two-grids" in str(caught.value.remedy)
