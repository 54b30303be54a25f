"""Activities and projects: totals that are exact, counts that make sense, links to the cases they opened."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from typing import Any

import pytest

from contracts.events import ActivityRecorded, ProjectStageChanged, Reported
from producers.simulator.clock import is_working
from tests.simulating import lives, simulation, stream

MEETINGS = {
    "count": 40,
    "totals": {"matter_raised_count": 90, "matter_settled_count": 71, "participant_count": 400},
    "levels": {"block": 1},
}


def activities(spec: dict[str, Any], **changes: Any) -> list[tuple[datetime, ActivityRecorded]]:
    """The activities of one kind on the small street."""
    run = simulation(streams={}, activities={"meeting": spec}, **changes)
    found = [one for life in lives(run.batches()).values() for one in life]
    return [(event.time, data) for event, data in found if isinstance(data, ActivityRecorded)]


def test_scaled_down_to_nothing_there_are_no_totals_either() -> None:
    assert activities(MEETINGS, scale=0.01) == []
    assert len(activities(MEETINGS, scale=0.02)) == 1


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_totals_are_exact_and_no_meeting_settles_more_than_it_raised(scale: float) -> None:
    met = [data for _, data in activities(MEETINGS, scale=scale)]
    assert len(met) == 40 * scale
    assert sum(m.matter_raised_count or 0 for m in met) == 90 * scale
    assert sum(m.matter_settled_count or 0 for m in met) == 71 * scale
    assert sum(m.participant_count or 0 for m in met) == 400 * scale
    assert all((m.matter_settled_count or 0) <= (m.matter_raised_count or 0) for m in met)
    assert len({m.participant_count for m in met}) > 5


def test_meetings_are_held_on_working_days_unless_said_otherwise() -> None:
    def held_on(**changes: Any) -> set[date]:
        return {
            m.started_at.date() for _, m in activities(MEETINGS | {"count": 300} | changes) if m.started_at
        }

    assert all(is_working(day, "CN") for day in held_on())
    assert not all(is_working(day, "CN") for day in held_on(working_days_only=False))
    assert held_on(held={"from": "2026-01-07", "to": "2026-01-08"}) == {date(2026, 1, 7), date(2026, 1, 8)}


def test_a_meeting_begins_in_its_hours_and_is_told_when_it_ends() -> None:
    for time, met in activities(MEETINGS | {"starts": ["19:00", "20:00"], "minutes": 60}):
        assert met.started_at is not None
        assert 19 <= met.started_at.hour <= 20
        assert time == met.ended_at
        assert 30 <= (time - met.started_at).total_seconds() / 60 <= 90


def test_an_activity_carries_its_unit_place_asset_score_and_tags() -> None:
    extras = {"units": {"U2": 1}, "places": ["P1"], "assets": ["R1"], "score": [80, 40], "tags": ["510行动"]}
    met = [data for _, data in activities(MEETINGS | extras)]
    assert {(m.unit_code, m.place_id, m.asset_id, tuple(m.tags or ())) for m in met} == {
        ("U2", "P1", "R1", ("510行动",))
    }
    scores = [m.score for m in met if m.score is not None]
    assert len(scores) == 40
    assert min(scores) >= 0
    assert max(scores) == 100  # cut off there: the spread is wide


def test_an_activity_names_the_cases_it_led_to() -> None:
    opened = stream(opened_by="meeting", cases={"routed": 25, "declined": 5}, hours="evening")
    run = simulation(
        streams={"main": stream(), "opened": opened},
        activities={"meeting": MEETINGS | {"starts": ["09:00", "12:00"]}},
        hours={"evening": [0] * 18 + [1] * 6},
    )
    found = lives(run.batches())
    led_to = {
        case: event.time
        for life in found.values()
        for event, data in life
        if isinstance(data, ActivityRecorded)
        for case in data.case_ids or ()
    }
    assert len(led_to) == 30
    for case, time in led_to.items():
        event, report = found[case][0]
        assert isinstance(report, Reported)
        assert event.time.date() == time.date()
        assert event.time > time


def test_every_project_ends_at_the_stage_its_quota_says() -> None:
    stages = {"signed": 5, "under_construction": 11, "finished": 49}
    run = simulation(streams={}, projects={"lift": {"stages": stages, "level": "block"}})
    found = lives(run.batches())
    assert len(found) == 65
    last, seen = Counter[str](), defaultdict[str, int](int)
    for subject, life in found.items():
        told = [data for _, data in life if isinstance(data, ProjectStageChanged)]
        assert [data.stage for data in told] == list(stages)[: len(told)]
        assert len({data.grid_code for data in told}) == 1
        assert {(data.project_kind, data.quantity) for data in told} == {("lift", 1.0)}
        last[told[-1].stage] += 1
        seen[subject] += len(told)
    assert last == stages
    assert sum(seen.values()) == 65 + 60 + 49


def test_projects_begin_in_their_span_which_may_lie_before_the_scenario() -> None:
    lift = {
        "stages": {"signed": 8, "finished": 4},
        "begun": {"from": "2025-06-02", "to": "2025-06-30"},
        "level": "block",
    }
    found = lives(simulation(streams={}, projects={"lift": lift}, starts_on="2026-01-01").batches())
    begun = [life[0][0].time for life in found.values()]
    assert len(begun) == 12
    assert max(begun) < datetime(2025, 7, 1, tzinfo=UTC)
