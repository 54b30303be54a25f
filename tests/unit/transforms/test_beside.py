"""Activities and projects: the latest event about each counts, whatever the order of arrival."""

from __future__ import annotations

from datetime import date, datetime
from itertools import permutations
from typing import Any

import pytest

from contracts.events import ACTIVITY_TYPE, PROJECT_TYPE
from tests.derived import derive, profile, rows
from tests.events import Row, event

ZONE = "Asia/Shanghai"


def activity(name: str, time: str, kind: str = "patrol", **data: Any) -> Row:
    return event(name, ACTIVITY_TYPE, time, ZONE, activity_kind=kind, **data)


def stage(name: str, time: str, reached: str, **data: Any) -> Row:
    return event(name, PROJECT_TYPE, time, ZONE, project_kind="lift", stage=reached, **data)


def test_an_activity_told_again_counts_as_told_last() -> None:
    told = [
        activity("A1", "2026-05-01T10:00:00", problem_count=3, corrected_count=5),
        activity("A1", "2026-05-01T12:00:00", problem_count=3, corrected_count=2, case_ids=["C1", "C2"]),
        activity("A2", "2026-05-01T11:00:00", kind="deliberation", matter_raised_count=4),
    ]
    for order in permutations(told):
        found = rows(derive(order), "FROM core_activity ORDER BY activity_id")
        assert [(r["activity_id"], r["corrected_count"], r["opened_case_count"]) for r in found] == [
            ("A1", 2, 2),
            ("A2", None, 0),
        ]


def test_what_is_told_at_one_moment_counts_in_the_order_of_its_sequence() -> None:
    told = [
        activity("A1", "2026-05-01T10:00:00", id="b", sequence=1, person_count=1),
        activity("A1", "2026-05-01T10:00:00", id="a", sequence=2, person_count=2),
    ]
    (found,) = rows(derive(told), "FROM core_activity")
    assert found["person_count"] == 2


def test_an_activity_without_times_was_held_when_it_was_recorded() -> None:
    night = activity(
        "A1", "2026-05-01T00:30:00", started_at=datetime(2026, 4, 30, 23), ended_at=datetime(2026, 5, 1)
    )
    plain = activity("A2", "2026-05-01T00:30:00")
    first, second = rows(derive([night, plain]), "FROM core_activity ORDER BY activity_id")
    assert (first["held_on"], second["held_on"]) == (date(2026, 4, 30), date(2026, 5, 1))
    assert second["started_at"] == second["ended_at"]


def test_the_day_of_an_activity_follows_the_business_day() -> None:
    noon = profile(business_day={"starts_at": "12:00", "named_after": "end"})
    (found,) = rows(derive([activity("A1", "2026-05-01T13:00:00")], noon), "FROM core_activity")
    assert found["held_on"] == date(2026, 5, 2)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_a_project_stands_at_the_stage_it_reached_last(order: tuple[int, ...]) -> None:
    told = [
        stage("P1", "2026-01-05T09:00:00", "signed", grid_code="B1", quantity=1),
        stage("P1", "2026-02-05T09:00:00", "under_construction"),
        stage("P1", "2026-05-05T09:00:00", "finished"),
    ]
    (found,) = rows(derive([told[i] for i in order]), "FROM core_project")
    assert (found["stage"], found["stage_count"]) == ("finished", 3)
    assert (found["began_on"], found["stage_since_on"]) == (date(2026, 1, 5), date(2026, 5, 5))
    assert (found["grid_code"], found["quantity"]) == ("B1", 1.0)


def test_stages_add_up_to_the_projects() -> None:
    quotas = {"signed": 5, "under_construction": 11, "finished": 49}
    told = [
        stage(f"P-{last}-{n}", f"2026-0{place + 1}-05T09:00:00", reached)
        for number, (last, count) in enumerate(quotas.items())
        for n in range(count)
        for place, reached in enumerate(list(quotas)[: number + 1])
    ]
    found = rows(derive(told), "SELECT stage, count(*) AS n FROM core_project GROUP BY stage")
    assert {r["stage"]: r["n"] for r in found} == quotas
    assert sum(quotas.values()) == 65


def test_cases_are_neither() -> None:
    connection = derive([event("C1", "reported", "2026-05-01T10:00:00", ZONE)])
    assert not rows(connection, "FROM core_activity")
    assert not rows(connection, "FROM core_project")
