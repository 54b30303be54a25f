"""Which year a case is told to lack, of a calendar of 2022, 2023 and 2025."""

from __future__ import annotations

from datetime import UTC, date, datetime

import duckdb
import pytest

from expectations.rendering import Circumstances, prepare
from expectations.suites import TableSuite, shipped_suites

COLUMNS = {"case_id": "VARCHAR", "filed_at": "TIMESTAMPTZ"}
AROUND = Circumstances(
    "memory", {"core_case": COLUMNS}, {}, date(2026, 5, 1), datetime(2026, 5, 1, tzinfo=UTC)
)


@pytest.mark.parametrize(
    ("filed_on", "missing"),
    [
        ("2022-12-30", 2024),
        ("2023-05-01", 2024),
        ("2024-05-01", 2024),
        ("2025-12-30", 2026),
        ("2030-05-01", 2030),
        ("2020-05-01", 2020),
    ],
)
def test_the_first_year_that_is_not_there_from_the_filing_on(filed_on: str, missing: int) -> None:
    file, path = shipped_suites()["core_case"]
    (rule,) = (rule for rule in file.rules if rule.name == "calendar_known")
    (prepared,) = prepare(TableSuite("core_case", ("case_id",), None, ((rule, path),)), AROUND)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(
        "CREATE TABLE core_calendar AS SELECT CAST(make_date(y, 6, 1) AS DATE) AS calendar_date "
        "FROM (VALUES (2022), (2023), (2025)) AS years (y)"
    )
    connection.execute(
        "CREATE TABLE core_case AS SELECT 'C' AS case_id, CAST($day AS TIMESTAMPTZ) AS filed_at, "
        "NULL::TIMESTAMPTZ AS dispatched_at, NULL::TIMESTAMPTZ AS first_event_at, TRUE AS is_beyond_calendar",
        {"day": filed_on},
    )
    query = f"SELECT {', '.join(prepared.key)} FROM ({prepared.rows_query})"
    assert connection.execute(query).fetchall() == [("C", missing)]
