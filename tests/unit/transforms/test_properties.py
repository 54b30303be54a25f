"""The same events give the same tables, whatever the order, the batches and the way of running."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridrates.profile import Profile
from tests.derived import bring_up_to_date, derive, everything, live, profile, rows
from tests.events import Row, insert_events
from tests.unit.transforms.strategies import histories
from transforms import runner
from transforms.indicators import load_indicators

CITY: dict[str, Any] = {
    "categories": [{"category_system": "s", "category_code": "c1"}],
    "limits": [
        {"category_system": "s", "category_code": "c1", "amount": 4, "unit": "working_hour"},
        {"amount": 1, "unit": "day"},
    ],
    "desk_limits": {
        "dispatch": {"amount": 15, "unit": "minute"},
        "sign": {"amount": 2, "unit": "working_hour"},
        "visit": {"amount": 1, "unit": "working_day"},
    },
    "grids": [
        {"grid_code": "s1", "level": "street"},
        {"grid_code": "g1", "parent_code": "s1", "level": "grid"},
        {"grid_code": "g2", "parent_code": "s1", "level": "grid", "valid_from": "2026-01-31"},
        {"grid_code": "s2", "level": "street"},
        {"grid_code": "g2", "parent_code": "s2", "level": "grid", "valid_to": "2026-01-31"},
    ],
    "work_types": {"enforcement": {"is_in_total": False}},
}
STREET: Profile = profile(**CITY)
slow = settings(
    max_examples=max(settings.default.max_examples // 2, 3),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@slow
@given(histories(), st.randoms(use_true_random=False))
def test_neither_order_nor_batches_nor_repeated_runs_matter(events: list[Row], random: Any) -> None:
    in_one_go = everything(derive(events, STREET))
    random.shuffle(events)
    cuts = sorted(random.sample(range(1, len(events)), min(3, len(events) - 1)))
    connection = live()
    for batch, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(events)], strict=True), start=1):
        insert_events(connection, events[start:end], batch_id=batch)
        bring_up_to_date(connection, STREET)
    piecemeal = everything(connection)
    for table, expected in in_one_go.items():
        assert piecemeal[table] == expected, table


@slow
@given(histories(), st.integers(min_value=1, max_value=7) | st.just(runner.EVENTS_IN_A_PART))
def test_a_full_rebuild_changes_nothing_in_parts_or_at_once(events: list[Row], at_once: int) -> None:
    connection = derive(events, STREET)
    before = everything(connection)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "EVENTS_IN_A_PART", at_once)
        bring_up_to_date(connection, STREET, full=True)
    assert everything(connection) == before


@slow
@given(histories())
def test_rates_are_shares_and_on_time_is_a_part_of_done(events: list[Row]) -> None:
    family = load_indicators()
    found = rows(derive(events, STREET), "FROM out_daily_rates")
    for row in found:
        for code, rate in family.indicators.items():
            bottom = row[rate.denominator]
            assert (row[code] is None) == (bottom == 0), code
            assert row[code] is None or not rate.share or 0 <= row[code] <= 1, (code, row)
        for step in ("dispatch", "sign", "closure"):
            assert row[f"{step}_on_time_count"] <= row[f"{step}_done_count"] <= row[f"{step}_due_count"], step


@slow
@given(histories())
def test_the_total_is_the_sum_of_the_roots(events: list[Row]) -> None:
    counts = [code for code, m in load_indicators().measures.items() if m.count != "points"]
    sums = ", ".join(f"sum({code}) AS {code}" for code in counts)
    connection = derive(events, STREET)
    query = (
        f"SELECT business_date, work_type, {sums} FROM out_daily_rates WHERE {{}} GROUP BY ALL ORDER BY ALL"
    )
    roots = rows(connection, query.format("level IN ('street', 'unassigned')"))
    assert roots == rows(connection, query.format("level = 'total'"))


@slow
@pytest.mark.parametrize("switches", [{}, {"cohort_basis": "created", "suspension": "subtract"}])
@given(events=histories())
def test_what_is_counted_day_by_day_is_what_is_listed(events: list[Row], switches: dict[str, str]) -> None:
    """Two statements are made from one declaration of the cohorts; each thing must be in both."""
    connection = derive(events, profile(**CITY, **switches))
    columns = ", ".join(count.column for count in load_indicators().counts)
    kept = f"""
        SELECT dimension, member_code, business_date, work_type, done_within & 1 <> 0 AS is_done_on_the_day,
          done_within & 4 <> 0 AS is_done_in_the_month, kept, sum(amount)
        FROM (UNPIVOT core_daily_cohort ON {columns} INTO NAME kept VALUE amount)
        WHERE dimension IN ('grid', 'operator')
        GROUP BY ALL HAVING sum(amount) <> 0 ORDER BY ALL"""
    listed = """
        WITH listed AS (
          SELECT *, due_on AS business_date, coalesce(done_on <= due_on, FALSE) AS is_done_on_the_day,
            coalesce(done_on <= last_day(due_on), FALSE) AS is_done_in_the_month
          FROM core_cohort_member
        ),
        placed AS (
          SELECT 'grid' AS dimension, grid_path_id AS member_code, * FROM listed
          UNION ALL
          SELECT 'operator', coalesce(operator_id, 'unassigned'), * FROM listed
        )
        SELECT dimension, member_code, business_date, work_type, is_done_on_the_day, is_done_in_the_month,
          unnest([cohort || '_due_count', cohort || '_on_time_count', cohort || '_points_sum']) AS kept,
          unnest([
            count(*), count(*) FILTER (is_on_time AND done_on IS NOT NULL),
            CAST(coalesce(sum(CAST(round(points * 10000) AS BIGINT)), 0) AS BIGINT)
          ]) AS amount
        FROM placed GROUP BY dimension, member_code, business_date, work_type, cohort,
          is_done_on_the_day, is_done_in_the_month
        """
    assert (
        connection.execute(kept).fetchall()
        == connection.execute(f"SELECT * FROM ({listed}) WHERE amount <> 0 ORDER BY ALL").fetchall()
    )
