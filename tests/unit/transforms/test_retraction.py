"""An event that was taken back counts nowhere: as if it had never been, whenever the retraction arrives."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.events import ACTIVITY_TYPE, PROJECT_TYPE, RETRACTION_TYPE
from tests.derived import bring_up_to_date, derive, everything, live, rows
from tests.events import Row, event, insert_events
from tests.unit.transforms.strategies import histories
from tests.unit.transforms.test_properties import STREET, slow

COMPARED = (
    "core_case",
    "core_dispatch_task",
    "core_visit",
    "core_suspension",
    "core_check",
    "core_daily_cohort",
)
LATER = "2026-06-01T08:00:00"


def retraction(of: Row, **other: Any) -> Row:
    """What takes an event back; `other` changes it."""
    given_fields = {"id": f"r-{of['id']}", "source": of["source"], "retracts": of["id"]} | other
    return event(given_fields.pop("subject", of["subject"]), RETRACTION_TYPE, LATER, **given_fields)


def facts(events: list[Row], *batches: list[Row]) -> dict[str, list[tuple[Any, ...]]]:
    """All tables of figures, without the dates on which nothing is left to count."""
    connection = live()
    for number, batch in enumerate([events, *batches], 1):
        insert_events(connection, batch, batch_id=number)
        bring_up_to_date(connection, STREET)
    return everything(connection)


@pytest.mark.parametrize("arrival", ["retractions last", "retractions first", "in one batch"])
@settings(slow, max_examples=max(slow.max_examples // 2, 2))
@given(histories(most=15), st.data())
def test_figures_are_those_of_the_events_that_stand(
    arrival: str, events: list[Row], data: st.DataObject
) -> None:
    taken_back = data.draw(st.lists(st.sampled_from(events), unique_by=lambda e: e["id"], min_size=1))
    standing = [e for e in events if e not in taken_back]
    retractions = [retraction(e) for e in taken_back]
    expected = everything(derive(standing, STREET)) if standing else None
    batches = {
        "retractions last": [events, retractions],
        "retractions first": [retractions, events],
        "in one batch": [[*events, *retractions]],
    }[arrival]
    found = facts(batches[0], *batches[1:])
    for table in COMPARED:
        assert found[table] == (expected[table] if expected else []), table


def test_a_closing_taken_back_leaves_the_case_open_and_its_event_on_record() -> None:
    filed = event("A", "filed", "2026-05-04T08:00:00")
    closed = event("A", "closed", "2026-05-04T09:00:00")
    connection = derive([filed, closed], STREET)
    assert rows(connection, "SELECT state, closed_at IS NULL AS is_open FROM core_case") == [
        {"state": "closed", "is_open": False}
    ]
    insert_events(connection, [retraction(closed)], batch_id=2)
    bring_up_to_date(connection, STREET)
    (case,) = rows(connection, "FROM core_case")
    assert (case["state"], case["closed_at"], case["event_count"]) == ("filed", None, 1)
    assert rows(connection, "SELECT count(*) AS n FROM raw_event") == [{"n": 3}]
    (day,) = rows(
        connection,
        "FROM out_daily_rates "
        "WHERE level = 'total' AND work_type = 'all' AND business_date = DATE '2026-05-04'",
    )
    assert (day["closed_count"], day["closure_due_count"], day["closure_rate"]) == (0, 0, None)


def test_what_was_taken_back_far_off_and_at_one_moment_is_the_same_to_a_rebuild() -> None:
    """Events beyond the time in which a case's standing events lie, and a retraction from beyond it."""
    early = [event("A", "filed", "2026-05-01T08:00:00", id=name) for name in ("e1", "e2")]
    begun = [event("A", "filed", "2026-05-04T08:00:00"), event("A", "closed", "2026-05-04T09:00:00", id="c")]
    taken_back = [retraction(e) for e in (*early, begun[1])]
    connection = live()
    for number, batch in enumerate(
        ([*early, *begun], taken_back, [event("A", "handled", "2026-05-04T10:00:00")]), 1
    ):
        insert_events(connection, batch, batch_id=number)
        bring_up_to_date(connection, STREET)
    found = everything(connection)
    (case,) = rows(connection, "FROM core_case")
    assert (case["state"], case["event_count"]) == ("handled", 2)
    bring_up_to_date(connection, STREET, full=True)
    assert everything(connection) == found


@pytest.mark.parametrize("other", [{"source": "urn:other"}, {"subject": "B"}, {"retracts": "another"}])
def test_what_takes_back_another_event_takes_back_nothing(other: dict[str, str]) -> None:
    closed = event("A", "closed", "2026-05-04T09:00:00")
    found = rows(derive([closed, retraction(closed, **other)], STREET), "FROM core_case")
    assert [(case["case_id"], case["state"]) for case in found] == [("A", "closed")]


def test_activities_and_projects_are_taken_back_too() -> None:
    held = event("I", ACTIVITY_TYPE, "2026-05-04T09:00:00", activity_kind="patrol", problem_count=3)
    again = event("I", ACTIVITY_TYPE, "2026-05-04T10:00:00", activity_kind="patrol", problem_count=4)
    begun = event("P", PROJECT_TYPE, "2026-05-04T09:00:00", project_kind="lift", stage="signed")
    done = event("P", PROJECT_TYPE, "2026-05-05T09:00:00", project_kind="lift", stage="finished")
    connection = derive([held, again, begun, done, retraction(again), retraction(done)], STREET)
    (activity,) = rows(connection, "FROM core_activity")
    (project,) = rows(connection, "FROM core_project")
    assert (activity["problem_count"], project["stage"]) == (3, "signed")
    assert project["stage_since_on"] == date(2026, 5, 4)
