"""Letting a held date pass by name: recorded, bounded, and undone by worse data."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import pytest

from expectations.holds import list_holds, release
from gridrates.errors import InputError
from tests.derived import rows
from tests.integration.expectations.town import MIDDLE, judge

DAY = f"DATE '{MIDDLE}'"
STATE = "core_case.state_known"


@pytest.fixture
def held(town: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A town with one date held back for one case."""
    town.execute("UPDATE core_case SET state = 'lost' WHERE case_id = 'C040-1'")
    judge(town, "core")
    town.execute(f"UPDATE ops_business_date SET state = 'held_back' WHERE business_date = {DAY}")
    return town


def let_pass(connection: duckdb.DuckDBPyConnection, **other: object) -> None:
    given = {"rule": STATE, "business_date": MIDDLE, "granted_by": "Li Wei", "reason": "known and harmless"}
    release(connection, **given | other)  # type: ignore[arg-type]


def test_what_is_held_is_listed_with_its_remedy(held: duckdb.DuckDBPyConnection) -> None:
    (hold,) = list_holds(held)
    assert (hold.name, hold.business_date, hold.failing_count) == (STATE, MIDDLE, 1)
    assert (hold.suite, hold.run_id, hold.is_released) == ("core", "run-1", False)
    assert hold.remedy.startswith("A model gives a state nobody knows")


def test_a_released_date_passes_and_shows_that_it_was_released(held: duckdb.DuckDBPyConnection) -> None:
    let_pass(held)
    result = judge(held, "core", run_id="run-2")
    assert (result.passed, result.held_back) == (True, {})
    (state,) = result.failures
    assert (state.released, state.held_back) == ((MIDDLE,), ())
    (row,) = rows(held, "SELECT detail FROM ops_quality_result WHERE run_id = 'run-2' AND NOT is_passed")
    assert row == {"detail": f"released by an override: {MIDDLE}"}
    assert [hold.is_released for hold in list_holds(held)] == [True]


def test_who_let_it_pass_and_why_is_on_record(held: duckdb.DuckDBPyConnection) -> None:
    let_pass(held, granted_by=" Li Wei ", reason="known and harmless\n")
    (row,) = rows(held, "SELECT * EXCLUDE (granted_at) FROM ops_quality_override")
    assert row == {
        "table_name": "core_case",
        "rule": "state_known",
        "business_date": MIDDLE,
        "failing_count": 1,
        "granted_by": "Li Wei",
        "reason": "known and harmless",
    }


def test_the_date_is_due_again_and_no_other(held: duckdb.DuckDBPyConnection) -> None:
    held.execute(f"UPDATE ops_business_date SET state = 'held_back' WHERE business_date = {DAY} + 1")
    let_pass(held)
    found = dict(held.execute("SELECT business_date, state FROM ops_business_date").fetchall())
    assert found[MIDDLE] == "computed"
    assert found[MIDDLE + timedelta(days=1)] == "held_back"


def test_it_covers_no_more_wrong_rows_than_there_were(held: duckdb.DuckDBPyConnection) -> None:
    let_pass(held)
    held.execute("UPDATE core_case SET state = 'lost' WHERE case_id = 'C040-2'")
    assert judge(held, "core", run_id="run-2").held_back == {MIDDLE: [STATE]}
    let_pass(held)
    assert judge(held, "core", run_id="run-3").held_back == {}


def test_it_covers_its_rule_and_date_only(held: duckdb.DuckDBPyConnection) -> None:
    let_pass(held)
    held.execute("UPDATE core_case SET state = 'lost' WHERE case_id = 'C041-1'")
    held.execute("UPDATE core_case SET return_count = -1 WHERE case_id = 'C040-1'")
    assert judge(held, "core", run_id="run-2").held_back == {
        MIDDLE: ["core_case.counts_not_negative"],
        MIDDLE + timedelta(days=1): [STATE],
    }


def test_what_holds_everything_back_can_be_let_pass(town: duckdb.DuckDBPyConnection) -> None:
    town.execute("UPDATE raw_landing_batch SET read_count = read_count + 1")
    assert not judge(town, "raw").passed
    let_pass(town, rule="raw_landing_batch.counts_add_up", business_date=None)
    result = judge(town, "raw", run_id="run-2")
    assert result.passed
    result.raise_for_failure()


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"granted_by": " "}, "a name and a reason"),
        ({"reason": ""}, "a name and a reason"),
        ({"rule": "core_case.due_in_order"}, f"Name one of: {STATE}."),
        ({"business_date": date(2025, 1, 1)}, f"{STATE} holds back nothing on 2025-01-01"),
        ({"business_date": None}, f"{STATE} holds back nothing on everything"),
    ],
)
def test_an_override_of_nothing_or_by_nobody_is_refused(
    held: duckdb.DuckDBPyConnection, other: dict[str, object], says: str
) -> None:
    with pytest.raises(InputError) as caught:
        let_pass(held, **other)
    assert says in str(caught.value)
    assert rows(held, "SELECT * FROM ops_quality_override") == []


def test_where_nothing_is_held_nothing_can_be_released(town: duckdb.DuckDBPyConnection) -> None:
    assert list_holds(town) == []
    with pytest.raises(InputError, match="Nothing is held back"):
        let_pass(town)
