"""Which business date was running when a file was made, and which was the last whole one."""

from __future__ import annotations

from datetime import date, time
from typing import Literal

import duckdb
import pytest

from gridrates.errors import InputError
from gridrates.profile import BusinessDay
from gridrates.published_rates import check_covered, last_date, running_date
from tests.derived import profile
from transforms.conventions import conventions

COUNTS = ("reported", "filed", "dispatched", "signed", "handled", "closed", "visited")


def published_at(moment: str, day: BusinessDay | None) -> duckdb.DuckDBPyConnection:
    """A file made at a moment, with something reported on each of the first days of May."""
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE publication AS SELECT $at::TIMESTAMPTZ AS published_at, 'Asia/Shanghai' AS time_zone, "
        "DATE '2026-05-01' AS first_date",
        {"at": moment},
    )
    connection.execute(
        "CREATE TABLE daily_rates AS SELECT 'total' AS level, 'all' AS work_type, business_date, "
        + ", ".join(f"1 AS {count}_count" for count in COUNTS)
        + " FROM (SELECT unnest([DATE '2026-05-01' + n::INT FOR n IN range(4)]) AS business_date)"
    )
    connection.execute("CREATE TABLE published_dates AS SELECT business_date FROM daily_rates LIMIT 2")
    if day is not None:
        connection.execute("CREATE TABLE conventions (switch VARCHAR, choice VARCHAR)")
        told = [[each.switch, each.choice] for each in conventions(profile(business_day=day))]
        connection.executemany("INSERT INTO conventions VALUES (?, ?)", told)
    return connection


@pytest.mark.parametrize(
    ("starts_at", "named_after", "moment", "running"),
    [
        (0, "start", "2026-05-03 00:00", 3),
        (0, "start", "2026-05-03 23:59", 3),
        (12, "start", "2026-05-03 02:00", 2),
        (12, "start", "2026-05-03 12:00", 3),
        (12, "end", "2026-05-03 02:00", 3),
        (12, "end", "2026-05-03 12:00", 4),
    ],
)
def test_a_date_is_whole_once_the_next_one_begins(
    starts_at: int, named_after: Literal["start", "end"], moment: str, running: int
) -> None:
    day = BusinessDay(starts_at=time(starts_at), named_after=named_after)
    file = published_at(f"{moment}:00+08:00", day)
    assert running_date(file) == date(2026, 5, running)
    assert last_date(file) == date(2026, 5, running - 1)
    assert check_covered(file, date(2026, 5, 1), date(2026, 5, 1)) == date(2026, 5, running)
    with pytest.raises(InputError, match="outside what is published"):
        check_covered(file, date(2026, 5, running + 1), date(2026, 5, running + 1))


def test_a_file_of_an_older_version_goes_by_midnight() -> None:
    assert running_date(published_at("2026-05-03 02:00:00+08:00", None)) == date(2026, 5, 3)
